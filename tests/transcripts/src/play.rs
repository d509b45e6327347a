//! A file in a home.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use stage::ADMIN_TOKEN;

use crate::message::Request;
use crate::values::Values;
use crate::{Home, Transcript};

/// Plays `transcript` in `home`; answers the file as it should be.
///
/// # Errors
/// When the home does not answer, or with what no transcript may hold.
pub fn play(transcript: &Transcript, home: &mut dyn Home) -> Result<String> {
    let bucket = format!("{}-{}-{}", transcript.name(), home.name(), std::process::id());
    home.prepare(&transcript.says, &bucket)?;
    let given = [("admin", ADMIN_TOKEN.to_owned()), ("issuer", home.issuer()), ("bucket", bucket)];
    let given = given.map(|(name, value)| (name.to_owned(), value)).into();
    let mut values = Values::new(&transcript.says.values, given, now()?)?;
    let mut text = transcript.head.clone();
    for (place, exchange) in transcript.exchanges.iter().enumerate() {
        let request = Request::parse(&values.fill(&exchange.request)?)?;
        let answered = home.ask(&request).and_then(|reply| {
            reply.check(&request, now()?)?;
            values.name(&reply.text(), now()?)
        });
        let reply = answered.with_context(|| format!("`{}`", exchange.title))?;
        let gap = if place == 0 { "" } else { "\n" };
        text += &format!("{gap}### {}\n{}\n\n{reply}", exchange.title, exchange.request);
    }
    let missing = values.missing();
    ensure!(missing.is_empty(), "declared and never seen: {}", missing.join(", "));
    Ok(text)
}

fn now() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}
