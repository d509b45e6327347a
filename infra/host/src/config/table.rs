//! Every variable, with what may stand there: read by the code, printed by `--help`, compared with the documents by a test.

use crate::connect::schemes;

/// A variable of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub allowed: &'static str,
    /// What stands there when nothing does; empty when there is no such thing.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// Where HTTP listens when nobody says it: Cloud Run's own.
pub(super) const DEFAULT_PORT: u16 = 8080;

macro_rules! variables {
    ($($key:ident $name:literal $allowed:expr, $default:literal, $about:literal;)*) => {
        $(pub(super) const $key: Variable = Variable { name: $name, allowed: $allowed, default: $default, about: $about };)*
        /// All of them, in the order in which a person meets them.
        pub const VARIABLES: [Variable; [$($name),*].len()] = [$($key),*];
    };
}

variables! {
    FUNCTIONS "DRAWBRIDGE_FUNCTIONS" "token-exchange, command-relay, storage-download, pubsub-fanout, device-registry, bridge with commas between them, or all", "", "what runs in this process";
    EVENTS "DRAWBRIDGE_EVENTS" "http, queue or authorizer", "", "on AWS Lambda alone: what calls the function; without, http";
    RECORDS "DRAWBRIDGE_RECORDS" schemes::RECORDS, "", "registries, devices, configurations; every process the same";
    PUBLISHER "DRAWBRIDGE_PUBLISHER" schemes::PUBLISHER, "", "where messages of devices go";
    ORDERING "DRAWBRIDGE_PUBSUB_ORDERING" "device or none", "device", "whether messages of a device keep their order at Pub/Sub";
    OBJECTS "DRAWBRIDGE_OBJECTS" schemes::OBJECTS, "", "files of devices";
    GOOGLE_CREDENTIALS "DRAWBRIDGE_GOOGLE_CREDENTIALS" "JSON of type external_account", "", "who we are at Pub/Sub and Cloud Storage from another cloud, without a key; without, the environment says it";
    COMMANDS "DRAWBRIDGE_COMMANDS" schemes::COMMANDS, "local:", "how live sessions are reached";
    NATS_CREDENTIALS "DRAWBRIDGE_NATS_CREDENTIALS" "a .creds file", "", "who we are at NATS";
    NATS_CA "DRAWBRIDGE_NATS_CA" "a PEM file", "", "roots to trust at NATS beside the system's";
    NATS_CERT "DRAWBRIDGE_NATS_CERT" "a PEM file", "", "our certificate for NATS";
    NATS_KEY "DRAWBRIDGE_NATS_KEY" "a PEM file", "", "its key";
    ADMIN_TOKEN "DRAWBRIDGE_ADMIN_TOKEN" "a token, or a file by DRAWBRIDGE_ADMIN_TOKEN_FILE", "", "who may administer";
    ADMIN_TOKEN_FILE "DRAWBRIDGE_ADMIN_TOKEN_FILE" "a file with the token in it", "", "the same from a file, such as a mounted secret";
    ADMIN_TOKEN_SECRET "DRAWBRIDGE_ADMIN_TOKEN_SECRET" "the ARN of a secret in AWS Secrets Manager", "", "the same from there, read once at the start";
    ISSUER "DRAWBRIDGE_ISSUER" "a URL", "", "our name as OpenID Connect issuer; without, our HTTP address";
    TOKENS "DRAWBRIDGE_TOKENS" "local, or //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER", "", "who gives devices their access tokens";
    IMPERSONATE "DRAWBRIDGE_IMPERSONATE" "NAME=ACCOUNT with commas between them", "", "which registries and devices may act as which service accounts";
    SIGNING_KEYS "DRAWBRIDGE_SIGNING_KEYS" "file:PATH, kms://projects/.../cryptoKeys/K, secret://projects/P/secrets/S or awskms://KEY_ARN", "", "the keys that vouch for devices; without, a file in the data folder";
    DATA "DRAWBRIDGE_DATA" "a folder", "drawbridge-data", "signing keys of token-exchange";
    PORT "PORT" "a port, 0 to 65535", "8080", "where HTTP listens, on every address";
    HTTP "DRAWBRIDGE_HTTP" "address:port", "", "the same with an address; wins over PORT";
    MQTT "DRAWBRIDGE_MQTT" "address:port", "", "where the bridge listens for MQTT without TLS; over WebSocket it is at GET /mqtt of the HTTP port in any case";
    MQTTS "DRAWBRIDGE_MQTTS" "address:port", "", "where the bridge listens with TLS";
    MAX_SESSION_SECS "DRAWBRIDGE_MAX_SESSION_SECS" "seconds, 1 to 86400", "", "the longest life of a device's MQTT session, which ends in order between two thirds of it and all of it; without, that of its token";
    DRAIN_SECS "DRAWBRIDGE_DRAIN_SECS" "seconds, 1 to 600", "10", "how long a session that ends waits for its publishes; SIGTERM ends the bridge within twice this";
    METRICS "DRAWBRIDGE_METRICS" "address:port", "", "where GET /metrics is answered, for Prometheus; keep it on loopback or a network of your own";
    TLS_CERT "DRAWBRIDGE_TLS_CERT" "a PEM file", "", "certificate chain of DRAWBRIDGE_MQTTS; read again at SIGHUP";
    TLS_KEY "DRAWBRIDGE_TLS_KEY" "a PEM file", "", "its key";
    READY_FILE "DRAWBRIDGE_READY_FILE" "a file", "", "written as JSON with every bound address once everything listens";
    LOG "DRAWBRIDGE_LOG" "a level, or target=level with commas between them", "info", "what is logged";
    LOG_FORMAT "DRAWBRIDGE_LOG_FORMAT" "text, json, gcp or aws", "", "as what; without, gcp on Cloud Run, aws on Lambda, else text";
}

const HEAD: &str = "\
Runs functions of Drawbridge, and its MQTT bridge, as one process of an installation. Everything is told by environment
variables. For all of it on one machine: `drawbridge up`.

Try it, with nothing else running:
  DRAWBRIDGE_FUNCTIONS=device-registry,bridge DRAWBRIDGE_RECORDS=memory: DRAWBRIDGE_PUBLISHER=log:/tmp/topics \\
  DRAWBRIDGE_ADMIN_TOKEN=secret DRAWBRIDGE_HTTP=127.0.0.1:8080 DRAWBRIDGE_MQTT=127.0.0.1:1884 drawbridge-function

One of several bridge nodes:
  DRAWBRIDGE_FUNCTIONS=bridge DRAWBRIDGE_RECORDS=firestore://my-project DRAWBRIDGE_PUBLISHER=pubsub://my-project \\
  DRAWBRIDGE_COMMANDS=nats://n1:4222,n2:4222,n3:4222 DRAWBRIDGE_MQTTS=0.0.0.0:8883 \\
  DRAWBRIDGE_TLS_CERT=chain.pem DRAWBRIDGE_TLS_KEY=key.pem drawbridge-function
";

const TAIL: &str = "
FIRESTORE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST and STORAGE_EMULATOR_HOST name emulators in place of Google's services.
GET /healthz answers while the process lives, GET /readyz while its records answer. SIGTERM finishes what was begun.
Where the bridge runs, GET /mqtt is MQTT over WebSocket.
Exit codes: 0 stopped in order, 64 a variable is wrong, 1 anything else.";

/// What `--help` prints.
pub fn help() -> String {
    let wide = VARIABLES.iter().map(|v| v.name.len()).max().unwrap_or(0);
    let row = |v: &Variable| {
        let default = if v.default.is_empty() { String::new() } else { format!(" [default: {}]", v.default) };
        format!("  {:<wide$}  {}{default}\n  {:wide$}    {}\n", v.name, v.about, "", v.allowed)
    };
    format!("{HEAD}\nVariables:\n{}{TAIL}", VARIABLES.iter().map(row).collect::<String>())
}
