//! `POST /v1/R:getIamPolicy`, `:setIamPolicy`, `:testIamPermissions`, and the same of a group.

use std::sync::atomic::Ordering;

use domain::iam::{Policy, PolicyOf};
use domain::ports::Expect;
use fixture::Answer;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::gateways::gateway;
use crate::support::{App, P, REG};

const NAME: &str = "projects/p-1/locations/us-central1/registries/reg";
const VIEWER: &str = "roles/cloudiot.viewer";

async fn get(app: &App, of: &str) -> Answer {
    app.post(&format!("{of}:getIamPolicy"), json!({})).await
}

async fn set(app: &App, of: &str, policy: Value) -> Answer {
    app.post(&format!("{of}:setIamPolicy"), json!({ "policy": policy })).await
}

fn account(name: &str) -> String {
    format!("serviceAccount:{name}@p-1.iam.gserviceaccount.com")
}

fn viewers(names: &[&str]) -> Value {
    json!([{"role": VIEWER, "members": names.iter().map(|name| account(name)).collect::<Vec<_>>()}])
}

fn of_registry() -> String {
    PolicyOf::Registry(NAME.parse().unwrap()).to_string()
}

#[tokio::test]
async fn a_policy_is_given_back_as_it_was_set_until_the_next() {
    let app = App::with_registry().await;
    assert_eq!(get(&app, REG).await.ok(), json!({"etag": "ACAB"}), "as Google answers where there is none yet");
    let sent = json!([
        {"role": VIEWER, "members": [account("b"), account("a"), account("b"), "user:ann@example.com"]},
        {"role": "roles/cloudiot.admin", "members": ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"]},
        {"role": "roles/cloudiot.editor", "members": []},
        {"role": VIEWER, "members": ["group:ops@example.com", "allAuthenticatedUsers"]},
    ]);
    let kept = set(&app, REG, json!({"version": 3, "bindings": sent})).await.ok();
    let members = json!(["allAuthenticatedUsers", "group:ops@example.com", account("a"), account("b"), "user:ann@example.com"]);
    assert_eq!(
        kept["bindings"],
        json!([{"role": "roles/cloudiot.admin", "members": sent[1]["members"]}, {"role": VIEWER, "members": members}])
    );
    assert_eq!((&kept["version"], kept["etag"].as_str().map(str::len)), (&json!(1), Some(12)));
    assert_eq!(get(&app, REG).await.ok(), kept);
    let options = json!({"options": {"requestedPolicyVersion": 3}});
    assert_eq!(app.post(&format!("{REG}:getIamPolicy"), options).await.ok(), kept);
    let emptied = set(&app, REG, json!({})).await.ok();
    assert!(emptied.get("bindings").is_none() && emptied["etag"] != kept["etag"], "{emptied}");
    assert_eq!(get(&app, REG).await.ok(), emptied);
}

#[tokio::test]
async fn a_policy_with_an_etag_replaces_that_one_and_no_other() {
    let app = App::with_registry().await;
    let first = set(&app, REG, json!({"etag": "ACAB", "bindings": viewers(&["a"])})).await.ok();
    let says = format!("is `{}`, the one sent is `ACAB`: read the policy again", first["etag"].as_str().unwrap());
    set(&app, REG, json!({"etag": "ACAB"})).await.refused(409, "ABORTED", &says);
    let second = set(&app, REG, json!({"etag": first["etag"], "bindings": viewers(&["a", "b"])})).await.ok();
    set(&app, REG, json!({"etag": first["etag"]})).await.refused(409, "ABORTED", &says[..3]);
    set(&app, REG, json!({"etag": "AAAA"})).await.refused(409, "ABORTED", "the one sent is `AAAA`");
    assert_eq!(get(&app, REG).await.ok(), second, "what was refused changed nothing");
    set(&app, REG, json!({"bindings": viewers(&["c"])})).await.ok();
    assert_eq!(get(&app, REG).await.ok()["bindings"], viewers(&["c"]), "without etag it replaces whatever is there");
    set(&app, REG, json!({"etag": "%%%"})).await.invalid("Invalid value at 'policy.etag' (TYPE_BYTES), Base64 decoding failed for \"%%%\"");
}

#[tokio::test]
async fn writers_who_read_change_and_write_at_once_lose_no_member() {
    let app = App::with_registry().await;
    let add = async |name: String| loop {
        let mut policy = get(&app, REG).await.ok();
        let mut members = policy["bindings"][0]["members"].as_array().cloned().unwrap_or_default();
        members.push(account(&name).into());
        policy["bindings"] = json!([{"role": VIEWER, "members": members}]);
        let answer = set(&app, REG, policy).await;
        if answer.status == 200 {
            return;
        }
        answer.refused(409, "ABORTED", "read the policy again");
    };
    join_all((0..8).map(|n| add(format!("account-{n}")))).await;
    let expected: Vec<_> = (0..8).map(|n| account(&format!("account-{n}"))).collect();
    assert_eq!(get(&app, REG).await.ok()["bindings"][0]["members"], json!(expected));
}

#[tokio::test]
async fn what_is_not_looked_at_is_not_kept() {
    let app = App::with_registry().await;
    let one = |role: &str, member: &str| json!({"bindings": [{"role": role, "members": [member]}]});
    let condition = json!({"title": "own", "expression": "resource.name.startsWith('x')"});
    let with_condition = json!({"version": 3, "bindings": [{"role": VIEWER, "members": [account("a")], "condition": condition}]});
    for (policy, says) in [
        (with_condition, "policy.bindings[0].condition is set: no condition is looked at here"),
        (json!({"version": 2}), "policy.version 2 is not valid: it is 0, 1 or 3"),
        (
            one("roles/owner", &account("a")),
            "`roles/owner` is no role of Cloud IoT: use one of roles/cloudiot.admin, roles/cloudiot.deviceController, roles/cloudiot.editor, roles/cloudiot.provisioner, roles/cloudiot.viewer",
        ),
        (one(VIEWER, "allUsers"), "`allUsers` cannot be a member"),
        (one(VIEWER, "domain:example.com"), "`domain:example.com` cannot be a member"),
        (
            json!({"bindings": [{"role": VIEWER, "members": (0..1501).map(|n| account(&format!("a{n}"))).collect::<Vec<_>>()}]}),
            "1501 members of a policy exceed the limit of 1500",
        ),
    ] {
        set(&app, REG, policy).await.invalid(says);
    }
    let uri = format!("{REG}:setIamPolicy");
    app.post(&uri, json!({})).await.invalid("policy is missing");
    app.post(&uri, json!({"policy": {}, "updateMask": "etag"})).await.invalid("update_mask `etag` leaves out the bindings");
    app.post(&uri, json!({"policy": {}, "updateMask": "auditConfigs"}))
        .await
        .invalid("`audit_configs` is immutable, set by the server or no field: what can be updated is bindings, etag, version");
    app.post(&format!("{REG}:getIamPolicy"), json!({"options": {"requestedPolicyVersion": 2}})).await.invalid("requested_policy_version 2");
    assert_eq!(get(&app, REG).await.ok(), json!({"etag": "ACAB"}));
    app.post(&uri, json!({"policy": {"bindings": viewers(&["a"])}, "update_mask": "bindings,etag"})).await.ok();
}

#[tokio::test]
async fn the_admin_token_has_every_permission_that_there_is() {
    let app = App::with_registry().await;
    let test =
        async |of: &str, permissions: Value| app.post(&format!("{of}:testIamPermissions"), json!({ "permissions": permissions })).await;
    let all: Vec<_> = domain::iam::permissions().collect();
    assert_eq!(test(REG, json!(all)).await.ok(), json!({ "permissions": all }));
    assert_eq!(test(REG, json!([])).await.ok(), json!({}));
    for bad in ["*", "cloudiot.devices.*", "cloudiot.devices.reboot", "resourcemanager.projects.get"] {
        let refused = test(REG, json!(["cloudiot.devices.get", bad])).await;
        refused.invalid(&format!("`{bad}` is no permission on a registry"));
        assert_eq!(refused.body["error"]["details"][0]["fieldViolations"][0]["field"], "permissions[1]");
    }
    test(REG, json!(vec![all[0]; 101])).await.invalid("101 permissions exceed the limit of 100");
    for unknown in [format!("{P}/registries/none"), format!("{REG}/groups/none"), format!("{REG}/groups/1x")] {
        assert_eq!(test(&unknown, json!(all)).await.ok(), json!({}), "{unknown}");
    }
    let unknown = format!("{P}/registries/none");
    get(&app, &unknown).await.refused(404, "NOT_FOUND", "registry `projects/p-1/locations/us-central1/registries/none` was not found");
    set(&app, &unknown, json!({})).await.refused(404, "NOT_FOUND", "registries/none");
}

#[tokio::test]
async fn a_policy_goes_with_its_registry() {
    let app = App::with_registry().await;
    set(&app, REG, json!({"bindings": viewers(&["a"])})).await.ok();
    app.patch(&format!("{REG}?updateMask=logLevel"), json!({"logLevel": "DEBUG"})).await.ok();
    assert_eq!(get(&app, REG).await.ok()["bindings"], viewers(&["a"]), "an update of the registry is none of the policy");
    app.delete(REG).await.ok();
    assert!(app.stores.policies.list("", None, 10).await.unwrap().items.is_empty());
    app.post(&format!("{P}/registries"), json!({"id": "reg"})).await.ok();
    assert_eq!(get(&app, REG).await.ok(), json!({"etag": "ACAB"}));
}

#[tokio::test]
async fn a_deletion_that_is_cut_off_anywhere_leaves_the_next_registry_no_policy() {
    for writes in 0..4 {
        let app = App::with_registry().await;
        set(&app, REG, json!({"bindings": viewers(&["a"])})).await.ok();
        app.budget.store(writes, Ordering::Relaxed);
        app.delete(REG).await;
        app.budget.store(i64::MAX, Ordering::Relaxed);
        let is_gone = app.get(REG).await.status == 404;
        let created = app.post(&format!("{P}/registries"), json!({"id": "reg"})).await;
        assert_eq!(created.status, if is_gone { 200 } else { 409 });
        let policy = get(&app, REG).await.ok();
        assert_eq!(policy.get("bindings").is_none(), is_gone, "after {writes} writes: {policy}");
    }
}

#[tokio::test]
async fn a_creation_that_loses_takes_no_policy_from_the_registry_that_is_there() {
    let app = App::with_registry().await;
    set(&app, REG, json!({"bindings": viewers(&["a"])})).await.ok();
    let uri = format!("{P}/registries");
    let again = join_all((0..4).map(|_| app.post(&uri, json!({"id": "reg"})))).await;
    assert!(again.iter().all(|answer| answer.status == 409));
    assert_eq!(get(&app, REG).await.ok()["bindings"], viewers(&["a"]));
}

#[tokio::test]
async fn a_write_that_meets_a_deletion_leaves_nothing_behind() {
    for turns in 0..20 {
        let app = App::with_registry().await;
        let later = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            set(&app, REG, json!({"bindings": viewers(&["a"])})).await
        };
        let (deleted, written) = tokio::join!(app.delete(REG), later);
        deleted.ok();
        let left = app.stores.policies.get(&of_registry()).await.unwrap();
        assert!(left.is_none(), "after {turns} turns, when the write was answered {}", written.status);
    }
}

#[tokio::test]
async fn a_group_has_a_policy_of_its_own_as_long_as_it_is_one() {
    let app = App::with_registry().await;
    gateway(&app, "gw1").await;
    let (group, device) = (format!("{REG}/groups/gw1"), format!("{REG}/devices/gw1"));
    assert_eq!(get(&app, &group).await.ok(), json!({"etag": "ACAB"}));
    let kept = set(&app, &group, json!({"bindings": viewers(&["a"])})).await.ok();
    let number = app.get(&device).await.ok()["numId"].as_str().unwrap().to_owned();
    assert_eq!(get(&app, &format!("{REG}/groups/{number}")).await.ok(), kept);
    assert_eq!(get(&app, REG).await.ok(), json!({"etag": "ACAB"}), "the registry's is another");
    let all: Vec<_> = domain::iam::permissions().collect();
    let tested = app.post(&format!("{group}:testIamPermissions"), json!({ "permissions": all })).await.ok();
    assert_eq!(tested, json!({ "permissions": all }));
    for verb in ["getIamPolicy", "setIamPolicy"] {
        let answer = app.post(&format!("{REG}/groups/none:{verb}"), json!({"policy": {}})).await;
        answer.refused(404, "NOT_FOUND", "`none` is no gateway of this registry");
    }
    let turn = async |kind: &str| {
        let body = json!({"gatewayConfig": {"gatewayType": kind}});
        app.patch(&format!("{device}?updateMask=gatewayConfig.gatewayType"), body).await.ok()
    };
    turn("NON_GATEWAY").await;
    turn("GATEWAY").await;
    assert_eq!(get(&app, &group).await.ok(), json!({"etag": "ACAB"}), "it was no group in between");
    set(&app, &group, json!({"bindings": viewers(&["a"])})).await.ok();
    app.delete(&device).await.ok();
    assert!(app.stores.policies.list("", None, 10).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn what_a_registry_left_behind_is_removed_only_as_long_as_there_is_none() {
    let app = App::new();
    let members = [account("old")];
    let old = Policy::read([(VIEWER, members.as_slice())]).unwrap();
    app.stores.policies.put(&of_registry(), &old, Expect::Absent).await.unwrap();
    app.post(&format!("{P}/registries"), json!({"id": "reg"})).await.ok();
    assert_eq!(get(&app, REG).await.ok(), json!({"etag": "ACAB"}));
}
