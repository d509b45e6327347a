//! What comes out of the window: publishes that are done, and what is not for the publisher.

use pubsub_fanout::EventError;

use super::Session;
use super::window::{Batch, Publish, What};
use crate::ending::Ending;
use crate::packet::Wire;

impl Session {
    /// Starts what may start, and handles what is not for the publisher.
    pub(super) fn start(&mut self) -> Result<(), Ending> {
        while let Some(publish) = self.window.start(&self.bridge, &self.parties) {
            let Publish { id, foreign, what } = publish;
            match (what, foreign) {
                (What::Control(control), _) => self.on_control(id, *control)?,
                (_, Some(foreign)) => self.on_stray(id, &foreign),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Acknowledges a batch up to its first failure, which ends the session: the device sends the rest again. What broke a
    /// rule for an attached device detaches that device alone.
    pub(super) fn on_published(&mut self, batch: Batch) -> Result<(), Ending> {
        self.window.finished(&batch);
        let is_own = batch.place == self.parties.own.place;
        let spares = |answer: &Result<(), EventError>| !is_own && !matches!(answer, Err(EventError::Port(_)));
        let ends_here = batch.answers.iter().any(|a| a.is_err() && !spares(a));
        let (mut acks, mut failures, mut first) = (0, 0, None);
        for (id, answer) in batch.ids.iter().zip(batch.answers) {
            match (id, answer) {
                (_, Err(e)) => {
                    failures += 1;
                    self.window.at_most_once -= usize::from(!ends_here && id.is_none());
                    first.get_or_insert(e);
                }
                (Some(id), Ok(())) if first.is_none() || !ends_here => {
                    Wire::ack(&mut self.outbox.bytes, *id);
                    acks += 1;
                }
                (Some(_), Ok(())) => {}
                (None, Ok(())) => self.window.at_most_once -= 1,
            }
        }
        self.bridge.counters.acks.add(acks);
        self.bridge.counters.publish_failures.add(failures);
        if let Some(EventError::Port(e)) = &first {
            self.bridge.complaints.publisher(failures, e);
        }
        match first {
            Some(e) if ends_here => return Err(Ending::Publish(e)),
            Some(e) => self.break_off(batch.place, &Ending::Publish(e)),
            None => {}
        }
        Ok(())
    }
}
