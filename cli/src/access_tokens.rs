//! The five subcommands of Google's sample `accesstoken.py`, under their own names and flags.
//!
//! | subcommand | asks |
//! | --- | --- |
//! | `generate-access-token` | the token service |
//! | `exchange-device-token-for-service-account-token` | IAM Credentials |
//! | `publish-pubsub-message` | the token service, Pub/Sub |
//! | `download-cloud-storage-file` | the token service, Cloud Storage |
//! | `send-command-to-iot-device` | the token service, IAM Credentials, the registry API |
//!
//! Each service is a Google-style URL of its own (`urls`); without, all are at the endpoint, where `drawbridge up` serves
//! a stand-in for each. The sample made and deleted the topic and the bucket with the administrator's own credentials:
//! what an administrator prepares is left to the administrator here.
//!
//! | file | holds |
//! | --- | --- |
//! | `flags` | the sample's flags |
//! | `words` | its word order: flags before the subcommand |
//! | `urls` | where each service is |
//! | `device` | who asks: the device and its JWT |
//! | `call`, `send`, `print` | one request, sent or printed for `curl` |
//! | `refusal` | what a service's refusal means, and what to do next |
//! | `token`, `publish`, `storage`, `command` | what each subcommand does |
//! | `run` | what they start from, and how they answer |

mod call;
mod command;
mod device;
mod flags;
mod print;
mod publish;
mod refusal;
mod run;
mod send;
mod storage;
mod token;
mod urls;
mod words;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use urls::Urls;
pub(crate) use words::in_order;

#[derive(Debug, Subcommand)]
pub(crate) enum AccessTokens {
    /// Trade the device's JWT for an OAuth 2.0 access token.
    #[command(alias = "generate_access_token", after_help = token::GENERATE_EXAMPLES)]
    GenerateAccessToken(Box<token::Generate>),
    /// Publish a message to a Pub/Sub topic with the device's access token.
    #[command(alias = "publish_pubsub_message", after_help = publish::EXAMPLES)]
    PublishPubsubMessage(Box<publish::Publish>),
    /// Send a command to a connected device with the token of a service account.
    #[command(aliases = ["send_command_to_iot_device", "send-iot-command"], after_help = command::EXAMPLES)]
    SendCommandToIotDevice(Box<command::SendCommand>),
    /// Upload a file to a Cloud Storage bucket with the device's access token, download it again and verify it.
    #[command(alias = "download_cloud_storage_file", after_help = storage::EXAMPLES)]
    DownloadCloudStorageFile(Box<storage::Transfer>),
    /// Trade a device's access token for the token of a service account.
    #[command(alias = "exchange_device_token_for_service_account_token", after_help = token::EXCHANGE_EXAMPLES)]
    ExchangeDeviceTokenForServiceAccountToken(Box<token::Exchange>),
}

impl AccessTokens {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::GenerateAccessToken(args) => args.run(),
            Self::PublishPubsubMessage(args) => args.run(),
            Self::SendCommandToIotDevice(args) => args.run(),
            Self::DownloadCloudStorageFile(args) => args.run(),
            Self::ExchangeDeviceTokenForServiceAccountToken(args) => args.run(),
        }
    }
}
