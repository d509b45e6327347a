//! Access tokens from the stand-in for Google's token services, over HTTP: what is sent again and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaos_proxy::{ChaosProxy, Direction};
use domain::Timestamp;
use domain::objects::{Access, Folder};
use domain::ports::{SigningKeys, TokenIssuer};
use domain::token::{AccessToken, Issued, Secret};
use infra_gcp::{GoogleTokens, TokenEndpoints};
use infra_local::security_token_service::{Binding, Fault, Principal, Provider};
use infra_local::{FileSigningKeys, SecurityTokenService, SystemClock};
use serde_json::json;
use tokio::net::TcpListener;

const PROVIDER: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/devices";
const ACCOUNT: &str = "fleet@p.iam.gserviceaccount.com";
const IAM: &str = "https://www.googleapis.com/auth/iam";

struct Town {
    sts: Arc<SecurityTokenService>,
    tokens: GoogleTokens,
    keys: Arc<FileSigningKeys>,
    issuer: String,
    _folder: tempfile::TempDir,
}

impl Town {
    /// One address with the issuer and the stand-in, and a client for it.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Arc::new(FileSigningKeys::open(&folder.path().join("keys.json"), Arc::new(SystemClock)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Provider::new(PROVIDER, &issuer, &Provider::DEVICE_MAPPING[..1], "").unwrap();
        let member = format!("principal://{}/subject/26", provider.pool());
        let sts = SecurityTokenService::new(provider, vec![Binding::new(ACCOUNT, &member).unwrap()], Arc::new(SystemClock)).unwrap();
        let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")});
        let published = keys.published().await.unwrap();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async || axum::Json(discovery)))
            .route("/jwks", get(async move || axum::Json(json!({"keys": published}))));
        let router = router.merge(sts.clone().routes());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let tokens = GoogleTokens::new(PROVIDER, TokenEndpoints::at(&issuer), Arc::new(SystemClock)).unwrap();
        Self { sts, tokens, keys, issuer, _folder: folder }
    }

    async fn subject(&self) -> Secret {
        let now = Timestamp::from(SystemTime::now()).secs();
        let kid = self.keys.current().await.unwrap().kid;
        let claims = json!({"iss": self.issuer, "aud": self.tokens.audience(), "sub": "26", "iat": now - 10, "exp": now + 3600});
        let part = |v: &serde_json::Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": kid})), part(&claims));
        let signature = self.keys.sign(&kid, signed.as_bytes()).await.unwrap();
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    async fn exchange(&self, scope: &str) -> Result<Issued, domain::PortError> {
        self.tokens.exchange(&self.subject().await, &scope.parse().unwrap()).await
    }
}

fn refused(code: &str, issued: &Issued) -> bool {
    matches!(issued, Issued::Refused { code: c, .. } if c == code)
}

fn token(issued: Issued) -> AccessToken {
    let Issued::Token(token) = issued else { panic!("{issued:?}") };
    token
}

#[tokio::test]
async fn a_subject_token_becomes_a_federated_token_and_that_a_service_accounts() {
    let town = Town::new().await;
    let federated = token(town.exchange(IAM).await.unwrap());
    let now = Timestamp::from(SystemTime::now());
    assert!((3598..=3600).contains(&federated.expires_at.since(now).as_secs()));
    let scope = "https://www.googleapis.com/auth/pubsub https://www.googleapis.com/auth/devstorage.read_only".parse().unwrap();
    let account = token(town.tokens.impersonate(&federated, &ACCOUNT.parse().unwrap(), &scope).await.unwrap());
    let grant = town.sts.check(account.secret.reveal()).unwrap();
    assert_eq!((grant.principal, grant.scope.as_str()), (Principal::ServiceAccount(ACCOUNT.into()), scope.as_str()));
    assert_eq!(grant.expires_at.secs(), account.expires_at.secs());
    assert_eq!((town.sts.requests(), town.tokens.counters()), ((1, 1), (0, 0)));
}

#[tokio::test]
async fn what_is_refused_is_not_asked_again() {
    let town = Town::new().await;
    assert!(refused("invalid_scope", &town.exchange("pubsub").await.unwrap()));
    let scope = IAM.parse().unwrap();
    assert!(refused("invalid_grant", &town.tokens.exchange(&Secret::new("x"), &scope).await.unwrap()));
    town.sts.inject(Fault::Refuse, 1);
    assert!(refused("access_denied", &town.exchange(IAM).await.unwrap()));
    for status in [400, 401, 403, 404] {
        town.sts.inject(Fault::Fail(status), 1);
        assert!(refused(&status.to_string(), &town.exchange(IAM).await.unwrap()));
    }
    let federated = token(town.exchange(IAM).await.unwrap());
    let other = "other@p.iam.gserviceaccount.com".parse().unwrap();
    assert!(refused("PERMISSION_DENIED", &town.tokens.impersonate(&federated, &other, &scope).await.unwrap()));
    let stranger = AccessToken { secret: Secret::new("x"), ..federated };
    assert!(refused("UNAUTHENTICATED", &town.tokens.impersonate(&stranger, &other, &scope).await.unwrap()));
    assert_eq!(town.tokens.counters(), (0, 0));
}

#[tokio::test]
async fn what_passes_is_asked_again_and_not_before_retry_after() {
    let town = Town::new().await;
    for fault in [Fault::Fail(408), Fault::Fail(500), Fault::Fail(503), Fault::Throttle(None)] {
        town.sts.inject(fault, 1);
        token(town.exchange(IAM).await.unwrap());
    }
    assert_eq!((town.tokens.counters(), town.sts.requests()), ((4, 0), (8, 0)));
    let begun = Instant::now();
    town.sts.inject(Fault::Throttle(Some(Duration::from_secs(1))), 1);
    token(town.exchange(IAM).await.unwrap());
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn who_stays_busy_is_left_alone_by_all_until_its_time_is_over() {
    let town = Town::new().await;
    let federated = token(town.exchange(IAM).await.unwrap());
    town.sts.inject(Fault::Throttle(Some(Duration::from_secs(30))), 1);
    let begun = Instant::now();
    assert_eq!(town.exchange(IAM).await.unwrap(), Issued::Busy { retry_after: Duration::from_secs(30) });
    let Issued::Busy { retry_after } = town.exchange(IAM).await.unwrap() else { panic!("it was asked again") };
    assert!(retry_after > Duration::from_secs(25) && begun.elapsed() < Duration::from_secs(3), "30 s are longer than anybody waits");
    assert_eq!((town.sts.requests().0, town.tokens.counters()), (2, (0, 1)));
    let scope = IAM.parse().unwrap();
    token(town.tokens.impersonate(&federated, &ACCOUNT.parse().unwrap(), &scope).await.unwrap());
}

#[tokio::test]
async fn who_is_busy_without_a_time_is_asked_four_times_and_then_soon_again() {
    let town = Town::new().await;
    town.sts.inject(Fault::Throttle(None), 4);
    let Issued::Busy { retry_after } = town.exchange(IAM).await.unwrap() else { panic!("not busy") };
    assert_eq!(town.sts.requests().0, 4);
    tokio::time::sleep(retry_after).await;
    token(town.exchange(IAM).await.unwrap());
}

#[tokio::test]
async fn who_fails_is_reported_as_failing() {
    let town = Town::new().await;
    town.sts.inject(Fault::Fail(500), 4);
    let e = town.exchange(IAM).await.unwrap_err();
    assert!(e.is_retryable() && e.to_string().contains("/v1/token answered 500"), "{e}");
    assert_eq!(town.sts.requests().0, 4, "four attempts");
    town.sts.inject(Fault::Garble, 1);
    assert!(!town.exchange(IAM).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn a_stalled_server_is_given_up_within_fifteen_seconds() {
    let town = Town::new().await;
    town.sts.inject(Fault::Stall(Duration::from_secs(60)), 9);
    let begun = Instant::now();
    let e = town.exchange(IAM).await.unwrap_err();
    assert!(e.is_retryable() && begun.elapsed() < Duration::from_secs(16), "{e} after {:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_passes_and_says_where() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tokens = GoogleTokens::new(PROVIDER, TokenEndpoints::at(&format!("http://{closed}")), Arc::new(SystemClock)).unwrap();
    let e = tokens.exchange(&Secret::new("secret-subject"), &IAM.parse().unwrap()).await.unwrap_err();
    assert!(e.is_retryable() && e.to_string().contains(&closed.to_string()) && !e.to_string().contains("secret-subject"), "{e}");
}

#[tokio::test]
async fn over_a_line_that_is_cut_a_token_fails_for_now_and_a_short_cut_is_not_noticed() {
    let town = Town::new().await;
    let line = ChaosProxy::to(town.issuer.trim_start_matches("http://").parse().unwrap()).unwrap();
    let tokens = GoogleTokens::new(PROVIDER, TokenEndpoints::at(&format!("http://{}", line.addr())), Arc::new(SystemClock)).unwrap();
    let (subject, scope) = (town.subject().await, IAM.parse().unwrap());
    line.cut();
    let e = tokens.exchange(&subject, &scope).await.unwrap_err();
    assert!(e.is_retryable() && !e.to_string().contains(subject.reveal()), "{e}");
    let mend = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        line.restore();
    };
    let (issued, ()) = tokio::join!(tokens.exchange(&subject, &scope), mend);
    token(issued.unwrap());
    line.cut_after(Direction::Down, Some(20));
    line.cut();
    line.restore();
    let e = tokens.exchange(&subject, &scope).await.unwrap_err();
    assert!(e.is_retryable(), "an answer that is cut off: {e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_each_a_token_of_its_own_scope() {
    let town = Arc::new(Town::new().await);
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..64 {
        let town = town.clone();
        let scope = if n % 2 == 0 { IAM } else { "https://www.googleapis.com/auth/pubsub" };
        asking.spawn(async move { (scope, token(town.exchange(scope).await.unwrap())) });
    }
    for (scope, token) in asking.join_all().await {
        assert_eq!(town.sts.check(token.secret.reveal()).unwrap().scope.as_str(), scope);
    }
    assert_eq!((town.sts.requests(), town.tokens.counters()), ((64, 0), (0, 0)));
}

#[test]
fn what_is_no_provider_is_refused_with_the_shape_of_one() {
    let made = |name: &str, endpoints| GoogleTokens::new(name, endpoints, Arc::new(SystemClock)).err();
    assert!(made("projects/1", TokenEndpoints::at("http://x")).unwrap().to_string().contains("//iam.googleapis.com/projects/NUMBER"));
    assert!(made(PROVIDER, TokenEndpoints::google()).is_none());
}

#[tokio::test]
async fn a_token_held_to_folders_opens_them_and_nothing_else() {
    let town = Town::new().await;
    let scope = "https://www.googleapis.com/auth/devstorage.read_write";
    let wide = token(town.exchange(scope).await.unwrap());
    let folder = |prefix: &str, access| Folder { bucket: "files".into(), prefix: prefix.into(), access };
    let folders = [folder("it's/fw/", Access::Read), folder("logs/dev/", Access::ReadWrite)];
    let narrow = token(town.tokens.downscope(&wide, &folders).await.unwrap());
    assert_eq!(narrow.expires_at, wide.expires_at);
    let grant = town.sts.check(narrow.secret.reveal()).unwrap();
    let opens = |object: &str| (grant.allows_object("files", object, Access::Read), grant.allows_object("files", object, Access::Write));
    assert_eq!((opens("it's/fw/x"), opens("logs/dev/x"), opens("logs/dev2/x")), ((true, false), (true, true), (false, false)));
    assert!(!grant.allows_object("other", "it's/fw/x", Access::Read));
    assert!(refused("invalid_request", &town.tokens.downscope(&narrow, &folders).await.unwrap()), "twice is not allowed");
    let long: Vec<_> = (0..10).map(|n| folder(&format!("{n}{}/", "x".repeat(200)), Access::Read)).collect();
    let before = town.sts.requests();
    assert!(refused("invalid_request", &town.tokens.downscope(&wide, &long).await.unwrap()));
    assert_eq!(town.sts.requests(), before, "what exceeds the limit is not sent");
}
