//! `drawbridge up`: everything in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;
use host::connect::{Emulators, NatsFiles, Urls};
use host::local_stack::LocalIam;
use host::logs;
use host::signals::Signals;
use host::tokens::{Giver, SigningKeysAt, TokenConfig};
use host::up::{self, Addresses, Config, Running};
use host::{Impersonation, IssuerUrl, OBJECTS_FOLDER, ProjectId, PubSubOrdering, StartError, TOPICS_FOLDER};

use crate::curl;
use crate::error::usage;
use crate::flags::{DEFAULT_DATA, DEFAULT_ENDPOINT, DEFAULT_PROJECT};

#[derive(Clone, Copy, ValueEnum)]
enum Ordering {
    /// Messages of one device keep their order (the device's number is the ordering key).
    Device,
    /// No ordering key: cheaper at Pub/Sub; subscribers sort by `readingId`.
    None,
}

#[derive(clap::Args)]
#[command(
    after_help = "Every flag can be set by its variable. Port 0 takes any free port; --ready-file tells which.\nSIGHUP reads --tls-cert and --tls-key again; SIGTERM finishes what was begun and ends."
)]
pub(crate) struct Args {
    /// Where the registry API and the HTTP bridge listen.
    #[arg(long, env = "DRAWBRIDGE_HTTP", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Where the MQTT bridge listens without TLS (1883 is the shim's).
    #[arg(long, env = "DRAWBRIDGE_MQTT", value_name = "ADDR", default_value = "127.0.0.1:1884")]
    mqtt: SocketAddr,
    /// Where the MQTT bridge listens with TLS.
    #[arg(long, env = "DRAWBRIDGE_MQTTS", value_name = "ADDR", default_value = "127.0.0.1:8883")]
    mqtts: SocketAddr,
    /// Where GET /metrics is answered, for Prometheus. Keep it on loopback or a network of your own. Default: nowhere.
    #[arg(long, env = "DRAWBRIDGE_METRICS", value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Certificate chain (PEM). Without one a local authority makes it.
    #[arg(long, env = "DRAWBRIDGE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key (PEM) of --tls-cert.
    #[arg(long, env = "DRAWBRIDGE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Folder for all that is kept; made if absent.
    #[arg(long, env = "DRAWBRIDGE_DATA", value_name = "DIR", default_value = DEFAULT_DATA)]
    data: PathBuf,
    /// The project your devices' tokens are for.
    #[arg(long, env = "DRAWBRIDGE_PROJECT", value_name = "ID", default_value = DEFAULT_PROJECT)]
    project: ProjectId,
    /// The admin token. Without one it is made, printed once and kept in the data folder.
    #[arg(long, env = "DRAWBRIDGE_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// Written, as JSON with every bound address, once everything listens.
    #[arg(long, env = "DRAWBRIDGE_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// `local` for the topic log on disk, or the project whose Pub/Sub takes the messages. With PUBSUB_EMULATOR_HOST set, that emulator.
    #[arg(long, env = "DRAWBRIDGE_PUBSUB", value_name = "local|PROJECT", default_value = "local")]
    pubsub: String,
    /// Whether messages of a device keep their order at Pub/Sub.
    #[arg(long, env = "DRAWBRIDGE_PUBSUB_ORDERING", value_enum, default_value = "device")]
    pubsub_ordering: Ordering,
    /// Where records are kept: `sled:FOLDER` (default: in the data folder), `memory:` or `firestore://PROJECT[/DATABASE]`. With
    /// FIRESTORE_EMULATOR_HOST set, that emulator.
    #[arg(long, env = "DRAWBRIDGE_RECORDS", value_name = "URL")]
    records: Option<String>,
    /// Our name as OpenID Connect issuer, where /.well-known/openid-configuration is reached from outside. Default: the HTTP address.
    #[arg(long, env = "DRAWBRIDGE_ISSUER", value_name = "URL")]
    issuer: Option<IssuerUrl>,
    /// Who gives devices their access tokens: `local` for a stand-in whose tokens open nothing at Google, or a workload identity pool
    /// provider that trusts --issuer: `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    #[arg(long, env = "DRAWBRIDGE_TOKENS", value_name = "local|PROVIDER", default_value = "local")]
    tokens: Giver,
    /// The keys that vouch for devices: `file:PATH` (default: in the data folder), `kms://projects/P/locations/L/keyRings/R/cryptoKeys/K`
    /// of EC_SIGN_P256_SHA256, or `secret://projects/P/secrets/S` with P-256 keys in PKCS#8 PEM.
    #[arg(long, env = "DRAWBRIDGE_SIGNING_KEYS", value_name = "URL")]
    signing_keys: Option<SigningKeysAt>,
    /// Which devices may act as which service accounts: `NAME=ACCOUNT,…`, where NAME is a registry's or a device's full name.
    #[arg(long, env = "DRAWBRIDGE_IMPERSONATE", value_name = "NAME=ACCOUNT,…", default_value = "")]
    impersonate: Impersonation,
    /// Devices' files: a folder with a folder per bucket (default: `objects` in the data folder), or `gs://` for Cloud Storage. With
    /// STORAGE_EMULATOR_HOST set, that emulator.
    #[arg(long, env = "DRAWBRIDGE_OBJECTS", value_name = "DIR|gs://")]
    objects: Option<String>,
    /// How live sessions are reached: `local:`, or `nats://HOST:PORT[,HOST:PORT]` to be one of several bridge nodes.
    #[arg(long, env = "DRAWBRIDGE_COMMANDS", value_name = "URL", default_value = "local:")]
    commands: String,
    /// Who we are at NATS: a `.creds` file.
    #[arg(long, env = "DRAWBRIDGE_NATS_CREDENTIALS", value_name = "FILE")]
    nats_credentials: Option<PathBuf>,
    /// Roots (PEM) to trust at NATS beside the system's.
    #[arg(long, env = "DRAWBRIDGE_NATS_CA", value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// Our certificate (PEM) for NATS.
    #[arg(long, env = "DRAWBRIDGE_NATS_CERT", value_name = "FILE", requires = "nats_key")]
    nats_cert: Option<PathBuf>,
    /// Private key (PEM) of --nats-cert.
    #[arg(long, env = "DRAWBRIDGE_NATS_KEY", value_name = "FILE", requires = "nats_cert")]
    nats_key: Option<PathBuf>,
    /// Who may do what with tokens of the stand-in: a policy of Google's IAM as JSON, or a list of resources with their policies. Without,
    /// when --http is a loopback address and no --issuer is set, devices may publish, keep files and act as
    /// operator@PROJECT.iam.gserviceaccount.com, which may send commands and configurations; else nobody may anything.
    #[arg(long, env = "DRAWBRIDGE_IAM_POLICY", value_name = "FILE")]
    iam_policy: Option<PathBuf>,
    /// Folder of the public keys of service accounts that sign for themselves: EMAIL.pem each.
    #[arg(long, env = "DRAWBRIDGE_SERVICE_ACCOUNTS", value_name = "DIR")]
    service_accounts: Option<PathBuf>,
    /// What is logged: a level, or `target=level,…`.
    #[arg(long, env = "DRAWBRIDGE_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// As what: `text`, `json`, or as Cloud Logging (`gcp`) and CloudWatch (`aws`) read it. Default: text, or the cloud's where this
    /// runs in one.
    #[arg(long, env = "DRAWBRIDGE_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<logs::Format>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let (log, format) = (args.log.clone(), args.log_format);
    let config = config(args);
    logs::start(&log, format, config.urls.google_project()).map_err(|e| usage(format!("--log: {e}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        let token_was_given = config.admin_token.is_some();
        let running = up::start(config).await.map_err(not_started)?;
        greet(&running, token_was_given);
        signals.until_stop(|| running.reload_certificate()).await;
        running.shut_down().await;
        Ok(())
    })
}

fn config(args: Args) -> Config {
    let local = args.pubsub == "local";
    let publisher = if local { format!("log:{}", args.data.join(TOPICS_FOLDER).display()) } else { format!("pubsub://{}", args.pubsub) };
    let ordering = match args.pubsub_ordering {
        Ordering::Device => PubSubOrdering::Device,
        Ordering::None => PubSubOrdering::None,
    };
    let records = args.records.unwrap_or_else(|| format!("sled:{}", args.data.join("records").display()));
    let objects = match args.objects {
        Some(cloud) if cloud.starts_with("gs:") => cloud,
        Some(folder) => format!("folder:{folder}"),
        None => format!("folder:{}", args.data.join(OBJECTS_FOLDER).display()),
    };
    let local = LocalIam { project: Some(args.project.clone()), policy: args.iam_policy, service_accounts: args.service_accounts };
    Config {
        http: args.http,
        mqtt: args.mqtt,
        mqtts: args.mqtts,
        metrics: args.metrics,
        certificate: args.tls_cert.zip(args.tls_key),
        data: args.data,
        project: args.project,
        admin_token: args.admin_token.map(up::AdminToken::new),
        ready_file: args.ready_file,
        urls: Urls {
            records,
            publisher: Some(publisher),
            objects: Some(objects),
            commands: args.commands,
            nats: NatsFiles { credentials: args.nats_credentials, roots: args.nats_ca, certificate: args.nats_cert.zip(args.nats_key) },
            emulators: Emulators::named_by(|name| std::env::var(name).ok()),
            ordering,
        },
        tokens: TokenConfig {
            issuer: args.issuer,
            giver: args.tokens,
            impersonation: args.impersonate,
            signing_keys: args.signing_keys.unwrap_or_default(),
            local,
        },
    }
}

/// Its text has its causes.
fn not_started(e: StartError) -> anyhow::Error {
    if e.is_usage() { usage(e.to_string()) } else { anyhow::Error::msg(e.to_string()) }
}

/// What a person needs next. Standard output, so that a log filter cannot hide the one time the token is shown.
fn greet(running: &Running, token_was_given: bool) {
    let at = &running.addresses;
    println!("Drawbridge is up for project `{}`.", at.project);
    println!("  registry API and HTTP bridge  http://{}", at.http);
    println!("  token service, OIDC issuer    {}", at.issuer);
    println!("  MQTT bridge                   {} (plain), {} (TLS)", at.mqtt, at.mqtts);
    println!("  data                          {}", at.data.display());
    if let Some(ca) = &at.ca {
        println!("  root certificate for devices  {}", ca.display());
    }
    match &running.made_admin_token {
        Some(token) => println!("  admin token (shown this once) {token}"),
        None if token_was_given => {
            println!("  admin token                   as given; DRAWBRIDGE_ADMIN_TOKEN gives it to the commands below")
        }
        None => println!("  admin token                   in {}", at.data.join("admin-token").display()),
    }
    println!("Next, from this folder, in another terminal:");
    println!("  export {}", settings(at).join(" "));
    println!("  drawbridge registries create my-registry --event-notification-config topic=events");
    println!("  drawbridge-shim keygen");
    println!("  drawbridge devices create my-device --registry my-registry --public-key path=device.pub.pem,type=es256");
}

/// The variables that lead the other verbs here, as far as their defaults do not.
fn settings(at: &Addresses) -> Vec<String> {
    let host = if at.http.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { at.http.ip() };
    let endpoint = format!("http://{}", SocketAddr::new(host, at.http.port()));
    let data = at.data.display().to_string();
    let differing = [
        ("ENDPOINT", endpoint.as_str(), DEFAULT_ENDPOINT),
        ("PROJECT", at.project.as_str(), DEFAULT_PROJECT),
        ("DATA", data.as_str(), DEFAULT_DATA),
    ];
    let differing = differing.iter().filter(|(_, value, default)| value != default);
    let region = "DRAWBRIDGE_REGION=europe-west1".to_owned();
    std::iter::once(region).chain(differing.map(|(name, value, _)| format!("DRAWBRIDGE_{name}={}", curl::quoted(value)))).collect()
}
