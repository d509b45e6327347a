//! What all [`SigningKeys`] do, case by case. [`signing_keys_suite!`](crate::signing_keys_suite) makes a test of each for an
//! adapter.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ports::SigningKeys;
use domain::token::PublicJwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::task::JoinSet;

/// Keys of an adapter.
pub type Subject = Arc<dyn SigningKeys>;

/// One test for each case of the contract. `$make` is an `async fn` that answers a [`Subject`] and a value that keeps alive
/// what it stands on.
#[macro_export]
macro_rules! signing_keys_suite {
    ($make:path) => {
        $crate::signing_keys_suite! { $make:
            the_key_that_signs_is_published
            a_signature_is_verified_by_the_published_half_and_is_of_that_message
            a_key_that_is_not_ours_signs_nothing
            many_at_once_sign_each_their_own_message
        }
    };
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let (subject, _alive) = $make().await;
                $crate::signing_keys::$case(subject).await;
            }
        )*
    };
}

/// Whether `signature` is `key`'s of `message`.
fn verifies(key: &PublicJwk, message: &[u8], signature: &[u8]) -> bool {
    let public = DecodingKey::from_ec_components(&key.x, &key.y).unwrap();
    jsonwebtoken::crypto::verify(&URL_SAFE_NO_PAD.encode(signature), message, &public, Algorithm::ES256).unwrap()
}

/// And each key has a name of its own.
pub async fn the_key_that_signs_is_published(keys: Subject) {
    let (current, published) = (keys.current().await.unwrap(), keys.published().await.unwrap());
    assert!(published.contains(&current));
    assert_eq!(published.iter().filter(|key| key.kid == current.kid).count(), 1);
    assert_eq!((keys.current().await.unwrap(), keys.published().await.unwrap()), (current, published), "it stays");
}

/// 64 bytes, as a JWT carries them.
pub async fn a_signature_is_verified_by_the_published_half_and_is_of_that_message(keys: Subject) {
    let current = keys.current().await.unwrap();
    let long = vec![b'x'; 64 * 1024];
    for message in [&b""[..], b"message", &long] {
        let signature = keys.sign(&current.kid, message).await.unwrap();
        assert_eq!(signature.len(), 64);
        assert!(verifies(&current, message, &signature));
        assert!(!verifies(&current, b"another", &signature));
    }
}

/// No key stands in for another.
pub async fn a_key_that_is_not_ours_signs_nothing(keys: Subject) {
    let current = keys.current().await.unwrap();
    for kid in ["", "other", "../other", &format!("{}x", current.kid)] {
        assert!(keys.sign(kid, b"message").await.is_err(), "{kid}");
    }
}

/// None gets the signature of another.
pub async fn many_at_once_sign_each_their_own_message(keys: Subject) {
    let current = keys.current().await.unwrap();
    let mut signing = JoinSet::new();
    for i in 0..32 {
        let (keys, current) = (keys.clone(), current.clone());
        signing.spawn(async move {
            let message = format!("message {i}");
            let signature = keys.sign(&current.kid, message.as_bytes()).await.unwrap();
            assert!(verifies(&current, message.as_bytes(), &signature));
        });
    }
    signing.join_all().await;
}
