//! Where: AWS Lambda. It hands the process one event at a time and freezes it after the answer, so nothing is begun that
//! outlives an answer. An HTTP event goes through the same routes as everywhere; what devices sent over AWS IoT comes out of a
//! queue and becomes the same publishes; AWS IoT asks who a device is.
//!
//! Queues do not go through `lambda_http`: its `pass_through` drops the status code, and AWS reads an empty answer as success.

mod authorizer;
#[cfg(test)]
mod captured;
mod heard;
mod policy;
mod queue;
mod speakers;

use lambda_runtime::LambdaEvent;

use crate::admin;
use crate::config::{Config, Events};
use crate::connect::{self, Channel, ConnectError, Ports};
use crate::mount::{self, Function, Lacks, Shared};
use crate::tokens::{self, TokenConfigError};
use authorizer::Authorizer;
use queue::Queue;

/// Why the process ended.
#[derive(Debug, thiserror::Error)]
pub enum LambdaError {
    /// A port could not be connected.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A function lacks what it works with.
    #[error(transparent)]
    Lacks(#[from] Lacks),
    /// The token service cannot work.
    #[error(transparent)]
    Tokens(#[from] TokenConfigError),
    /// Lambda's runtime interface failed.
    #[error("the runtime interface of AWS Lambda: {0}")]
    Runtime(#[source] lambda_runtime::Error),
}

impl LambdaError {
    /// Whether another value of a variable would help: then the exit code is 64.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Connect(e) => e.is_usage(),
            Self::Lacks(_) | Self::Tokens(_) => true,
            Self::Runtime(_) => false,
        }
    }
}

/// Answers events until Lambda ends the process.
pub async fn run(config: Config, events: Events) -> Result<(), LambdaError> {
    let ports = connect::connect(&config.urls, connect::command_timeout()).await?;
    let answered = match events {
        Events::Http => lambda_http::run(routes(&config, &ports).await?).await,
        Events::Queue => {
            let queue = &queue(&ports)?;
            lambda_runtime::run(lambda_runtime::service_fn(async |event: LambdaEvent<_>| {
                Ok::<_, lambda_runtime::Error>(queue.answer(event.payload).await)
            }))
            .await
        }
        Events::Authorizer => {
            let authorizer = &Authorizer::new(&ports);
            lambda_runtime::run(lambda_runtime::service_fn(async |event: LambdaEvent<_>| {
                authorizer.answer(event.payload, &event.context.invoked_function_arn).await.map_err(lambda_runtime::Error::from)
            }))
            .await
        }
    };
    answered.map_err(LambdaError::Runtime)
}

async fn routes(config: &Config, ports: &Ports) -> Result<axum::Router, LambdaError> {
    let admin = admin::auth(config, ports).await?;
    // Its own address is asked for only where the issuer has no name, which the configuration refuses here.
    let tokens = config.tokens.as_ref().map(|given| tokens::connect(given, config.http, &config.data, ports)).transpose()?;
    let shared = Shared { admin, commands: ports.channel.commands(None), tokens, bridge: None };
    Ok(mount::mount(&config.functions, ports, &shared)?)
}

fn queue(ports: &Ports) -> Result<Queue, Lacks> {
    let fan_out = ports.fan_out().ok_or(Lacks { function: Function::PubsubFanout, what: "a publisher" })?;
    let iot = match &ports.channel {
        Channel::AwsIot(iot) => Some(iot.clone()),
        _ => None,
    };
    Ok(Queue::new(fan_out, iot))
}
