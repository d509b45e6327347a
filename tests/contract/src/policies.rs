//! What the records of IAM policies are used for, in every adapter of [`Records`](domain::ports::Records): the largest policy
//! fits, and read, change and write by the etag is safe.

use domain::iam::{self, MAX_MEMBER_BYTES, MAX_MEMBERS, Policy, PolicyOf};
use domain::ports::{Stores, Written};

const NAME: &str = "projects/p/locations/l/registries/reg";

/// With as many members as there may be, each as long as it may be.
fn largest(letter: char) -> Policy {
    let member = |n: usize| {
        let start = format!("user:{n:04}@");
        let host = letter.to_string().repeat(MAX_MEMBER_BYTES - start.len() - 4);
        format!("{start}{host}.com")
    };
    let members: Vec<_> = (0..MAX_MEMBERS).map(member).collect();
    Policy::read([("roles/cloudiot.viewer", members.as_slice())]).unwrap()
}

/// The write with `etag`: the new etag, or `None` for a conflict.
async fn set(stores: &Stores, policy: &Policy, etag: &[u8]) -> Option<Vec<u8>> {
    let expect = iam::expected(etag).unwrap();
    match stores.policies.put(NAME, policy, expect).await.unwrap() {
        Written::Stored(version) => Some(iam::etag(Some(version))),
        Written::Conflict => None,
    }
}

/// Also across kinds: a registry has the key of its policy.
pub async fn the_largest_policy_is_replaced_only_by_whoever_has_read_it(stores: Stores) {
    assert_eq!(PolicyOf::Registry(NAME.parse().unwrap()).to_string(), NAME);
    let none = iam::etag(None);
    let first = set(&stores, &largest('a'), &none).await.unwrap();
    assert!(stores.registries.get(NAME).await.unwrap().is_none(), "the policy is no registry");
    assert_eq!(set(&stores, &Policy::default(), &none).await, None, "there is one now");
    let found = stores.policies.get(NAME).await.unwrap().unwrap();
    assert_eq!((&found.value, iam::etag(Some(found.version))), (&largest('a'), first.clone()));
    let second = set(&stores, &largest('b'), &first).await.unwrap();
    for stale in [&first, &none] {
        assert_eq!(set(&stores, &Policy::default(), stale).await, None);
    }
    assert_eq!(stores.policies.get(NAME).await.unwrap().unwrap().value, largest('b'));
    let emptied = set(&stores, &Policy::default(), &[]).await.unwrap();
    assert!(emptied != first && emptied != second);
    assert_eq!(stores.policies.get(NAME).await.unwrap().unwrap().value, Policy::default());
}
