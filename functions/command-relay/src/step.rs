//! One step of a broadcast: as many devices as may be sent to in a second, side by side, within a bounded time.

use std::time::Duration;

use domain::broadcast::{Broadcast, Reached, STEP_LASTS, Stepped};
use domain::command::{CommandState, NewCommand, Recipient, TimeOrderedId};
use domain::ports::{Command, Delivery};
use domain::{DomainError, PortError, Timestamp};
use futures_util::StreamExt as _;
use futures_util::stream;
use protocol::RegistryName;

use crate::Deps;

/// Devices that are sent to side by side: one that is silent for 30 s does not hold the others.
const SIDE_BY_SIDE: usize = 64;
/// Device records read at once.
const PAGE: usize = 500;
/// Pages read in one step at most, when few devices match.
const PAGES: usize = 20;

/// Takes a step if there is one to take now; answers the broadcast as it is then.
pub(crate) async fn advance(deps: &Deps, registry: &RegistryName, id: &TimeOrderedId) -> Result<Broadcast, DomainError> {
    let book = deps.book();
    let (broadcast, lease) = book.lease(registry, id, (deps.random)()).await?;
    let Some(lease) = lease else { return Ok(broadcast) };
    let chosen = choose(deps, registry, &broadcast).await?;
    let done = send(deps, &broadcast, chosen, lease.taken + STEP_LASTS).await;
    book.stepped(registry, id, &lease, &done).await
}

/// The devices of a step, in the order of their keys.
#[derive(Default)]
struct Chosen {
    devices: Vec<(String, Recipient)>,
    /// Key of the last device looked at.
    cursor: Option<String>,
    at_end: bool,
}

async fn choose(deps: &Deps, registry: &RegistryName, broadcast: &Broadcast) -> Result<Chosen, PortError> {
    let mut chosen = Chosen { cursor: broadcast.cursor.clone(), ..Chosen::default() };
    let most = usize::try_from(broadcast.per_second).unwrap_or(usize::MAX);
    for _ in 0..PAGES {
        let page = deps.stores.devices.list(&format!("{registry}/devices/"), chosen.cursor.as_deref(), PAGE).await?;
        let mut devices = page.items.into_iter().peekable();
        while let Some((key, device)) = devices.next() {
            chosen.cursor = Some(key.clone());
            if broadcast.matches(&device.value) {
                chosen.devices.push((key, Recipient::from(&device.value)));
            }
            if chosen.devices.len() == most {
                chosen.at_end = devices.peek().is_none() && page.next.is_none();
                return Ok(chosen);
            }
        }
        if page.next.is_none() {
            chosen.at_end = true;
            return Ok(chosen);
        }
    }
    Ok(chosen)
}

/// Sends to the chosen devices. Those that no delivery was begun for when the time was over are left to the next step.
async fn send(deps: &Deps, broadcast: &Broadcast, chosen: Chosen, until: Timestamp) -> Stepped {
    let mut done = Stepped::default();
    let sending = stream::iter(chosen.devices).map(|(key, to)| async move {
        let begun = deps.now() < until;
        (key, if begun { Some(send_one(deps, broadcast, &to, until).await) } else { None })
    });
    let mut sending = std::pin::pin!(sending.buffered(SIDE_BY_SIDE));
    while let Some((key, reached)) = sending.next().await {
        let Some(reached) = reached else { return done };
        done.cursor = Some(key);
        done.counts.add(*reached.as_ref().unwrap_or(&Reached::Failed));
        done.last_error = reached.err().or(done.last_error);
    }
    Stepped { cursor: chosen.cursor, at_end: chosen.at_end, ..done }
}

/// What became of the command at one device; an error says why it failed, and of whom.
async fn send_one(deps: &Deps, broadcast: &Broadcast, to: &Recipient, until: Timestamp) -> Result<Reached, String> {
    let failed = |e: DomainError| {
        tracing::debug!(device = %to.key, error = %e, "Broadcast `{}` failed at `{}`: {e}", broadcast.id, to.key);
        match e {
            DomainError::Port(e) => format!("device `{}`: the {} failed", to.key.id, e.part),
            e => e.to_string(),
        }
    };
    deps.commands.check(&to.key).map_err(failed)?;
    match broadcast.ttl {
        None => send_now(deps, broadcast, to).await,
        Some(ttl) => queue(deps, broadcast, to, ttl, until).await,
    }
    .map_err(failed)
}

async fn send_now(deps: &Deps, broadcast: &Broadcast, to: &Recipient) -> Result<Reached, DomainError> {
    let command =
        Command { id: Some(broadcast.id.to_string()), subfolder: broadcast.subfolder.clone(), data: broadcast.data.clone().into() };
    match deps.commands.deliver(&to.key, command).await? {
        Delivery::Acknowledged => Ok(Reached::Acknowledged),
        Delivery::Delivered => Ok(Reached::Delivered),
        Delivery::NotConnected | Delivery::NotSubscribed => Ok(Reached::NotConnected),
        Delivery::TimedOut => Err(DomainError::Precondition(format!("device `{}` did not acknowledge the command in time", to.key.id))),
        Delivery::Lost => {
            Err(DomainError::Precondition(format!("device `{}` lost its connection before it acknowledged the command", to.key.id)))
        }
        Delivery::Busy => Err(DomainError::Exhausted(format!("device `{}` takes no more commands now", to.key.id))),
        Delivery::Refused => Err(DomainError::Precondition(format!("device `{}` refused the command", to.key.id))),
    }
}

async fn queue(deps: &Deps, broadcast: &Broadcast, to: &Recipient, ttl: Duration, until: Timestamp) -> Result<Reached, DomainError> {
    let queue = deps.queue();
    let new = NewCommand { id: Some(broadcast.id.clone()), subfolder: broadcast.subfolder.clone(), data: broadcast.data.clone(), ttl };
    let taken = queue.take(to, new, 0).await?;
    if let Err(e) = queue.drain(to, Some(until)).await {
        tracing::warn!(device = %to.key, error = %e, "A command to `{}` waits, because sending it failed: {e}", to.key);
    }
    let state = queue.get(to, &taken.id).await.map_or(taken.state, |found| found.value.state);
    match state {
        CommandState::Acknowledged => Ok(Reached::Acknowledged),
        CommandState::Delivered => Ok(Reached::Delivered),
        CommandState::Queued | CommandState::Sent => Ok(Reached::Queued),
        over => Err(DomainError::Precondition(format!("the command to device `{}` is {}", to.key.id, over.name()))),
    }
}
