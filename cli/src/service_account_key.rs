//! `drawbridge service-account-key`: a key file for a program that administers the local stack.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use host::ServiceAccount;
use host::local::ServiceAccounts;

use crate::error::usage;
use crate::flags::DEFAULT_ENDPOINT;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  export DRAWBRIDGE_SERVICE_ACCOUNTS=service-accounts
  drawbridge service-account-key admin@local.iam.gserviceaccount.com --output admin.json

`drawbridge up` knows the key at once if it was started with the same --service-accounts. What the account may do says
--iam-policy. The private half is in the file alone; to take the key back, remove its block from DIR/EMAIL.pem.")]
pub(crate) struct Args {
    /// The account: `NAME@PROJECT.iam.gserviceaccount.com`
    account: ServiceAccount,
    /// Where the private key goes, as Google's client libraries read it; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Folder of the public keys: EMAIL.pem each.
    #[arg(long, env = "DRAWBRIDGE_SERVICE_ACCOUNTS", value_name = "DIR")]
    service_accounts: PathBuf,
    /// Where `drawbridge up` is reached.
    #[arg(long, env = "DRAWBRIDGE_ENDPOINT", value_name = "URL", default_value = DEFAULT_ENDPOINT)]
    endpoint: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let token_uri = format!("{}/oauth2/token", args.endpoint.trim_end_matches('/'));
    // First the file: a public key whose private half was lost would be of no use.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.output);
    let mut file = file.map_err(|e| usage(format!("--output {}: {e}", args.output.display())))?;
    let accounts = ServiceAccounts::open(&args.service_accounts);
    let accounts = accounts.map_err(|e| usage(format!("--service-accounts {}: {e}", args.service_accounts.display())))?;
    let key = accounts.make_key(&args.account, &token_uri).context("the key cannot be made")?;
    file.write_all(&serde_json::to_vec_pretty(&key)?).and_then(|()| file.sync_all())?;
    println!("{} is {}, whose public key is in {}.", args.output.display(), args.account, args.service_accounts.display());
    Ok(())
}
