//! No bridge anywhere: devices come over HTTP, and nobody can be reached unasked.

use async_trait::async_trait;
use domain::PortError;
use domain::device::DeviceKey;
use domain::ports::{Command, CommandChannel, Delivery};

/// Answers for every device that it is not connected, so that a command with a `ttl` waits and one without is refused by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nobody;

#[async_trait]
impl CommandChannel for Nobody {
    async fn deliver(&self, _: &DeviceKey, _: Command) -> Result<Delivery, PortError> {
        Ok(Delivery::NotConnected)
    }

    /// Who asks over HTTP is told from the records anyway.
    async fn hint(&self, _: &DeviceKey) -> Result<(), PortError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::command_channel::Channel;

    #[test]
    fn without_a_bridge_there_is_a_channel_that_reaches_nobody() {
        assert!(Channel::Nobody.commands(None).is_some());
        assert!(Channel::Local.commands(None).is_none());
    }
}
