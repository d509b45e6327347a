//! # The IAM policy of the local stack
//! Who (a [`Member`]) may do what (a role: a set of permissions) on which resource and all that is below it.
//!
//! Resources are named as Google names them in full: `//pubsub.googleapis.com/projects/p/topics/t`. What is granted on
//! `//cloudresourcemanager.googleapis.com/projects/p` counts for everything in the project. Buckets (`projects/_`) belong
//! to the project of this installation, service accounts (`projects/-`) to that of their address.
//!
//! Promise: nothing is allowed that no binding allows, and a policy that is not understood is refused whole.
//! Source: cloud.google.com/iam/docs/reference/rest/v1/Policy, …/iam/docs/full-resource-names.

mod file;
mod resource;
mod roles;

use domain::iam::{Member, Principal};
use protocol::ProjectId;

use roles::Role;

pub use resource::{bucket, object, project, registry, service_account, topic};

/// Who may act as a service account.
const WORKLOAD_IDENTITY_USER: &str = "roles/iam.workloadIdentityUser";

/// Bindings, of every resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whose the buckets are.
    project: String,
    bindings: Vec<Binding>,
}

/// A member that has a role on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    member: Member,
    role: &'static Role,
    resource: String,
    /// Beginnings of names, without the service; all when there is none.
    prefixes: Vec<String>,
}

/// What of a policy is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A member.
    #[error(
        "`{0}` is no member: expected `principal://POOL/subject/S`, `principalSet://POOL/attribute.NAME/VALUE`, `principalSet://POOL/*`, `serviceAccount:EMAIL` or `allAuthenticatedUsers`"
    )]
    Member(String),
    /// A role.
    #[error("`{given}` is no role that the local stack knows: use one of {}", roles::known())]
    Role {
        /// As given.
        given: String,
    },
    /// A resource.
    #[error("`{0}` is no full resource name: expected `//SERVICE.googleapis.com/projects/…`")]
    Resource(String),
    /// A condition.
    #[error("{0}")]
    Condition(String),
    /// The file has another shape.
    #[error("neither a policy (`{{\"bindings\": […]}}`) nor a list of `{{\"resource\", \"policy\"}}`: {0}")]
    Shape(String),
}

impl Binding {
    /// `member` may act as `account`: it has `roles/iam.workloadIdentityUser` on it.
    pub fn new(account: &str, member: &str) -> Result<Self, PolicyError> {
        Self::grant(WORKLOAD_IDENTITY_USER, member, &service_account(account))
    }

    /// `member` has `role` on `resource`, a full resource name, and below it.
    pub fn grant(role: &str, member: &str, resource: &str) -> Result<Self, PolicyError> {
        let role = Role::find(role).ok_or_else(|| PolicyError::Role { given: role.to_owned() })?;
        // A person proves itself nowhere here, and a file that grants nothing was meant otherwise.
        let member = member.parse::<Member>().ok().filter(Member::is_provable).ok_or_else(|| PolicyError::Member(member.to_owned()))?;
        Ok(Self { member, role, resource: resource::read(resource)?, prefixes: Vec::new() })
    }

    fn allows(&self, principal: &Principal, permission: &str, asked: &str, project: &str) -> bool {
        let name = resource::without_service(asked);
        let is_in_condition = self.prefixes.is_empty() || self.prefixes.iter().any(|p| name.starts_with(p.as_str()));
        self.role.has(permission)
            && resource::is_at_or_below(asked, &self.resource, project)
            && is_in_condition
            && self.member.is(principal)
    }
}

impl Policy {
    /// A policy that allows nothing yet, of an installation for `project`.
    pub fn of_project(project: &ProjectId) -> Self {
        Self { project: project.to_string(), bindings: Vec::new() }
    }

    /// What `json` holds, beside what is there: a policy in Google's shape, for the project, or a list of resources with
    /// their policies as `gcloud asset search-all-iam-policies --format=json` prints it.
    pub fn and_read(mut self, json: &str) -> Result<Self, PolicyError> {
        let read = file::read(json, &project(&self.project))?;
        self.bindings.extend(read);
        Ok(self)
    }

    /// The same with one more.
    #[must_use]
    pub fn and(mut self, binding: Binding) -> Self {
        self.bindings.push(binding);
        self
    }

    /// Whether `principal` has `permission` on `resource`, a full resource name.
    pub fn allows(&self, principal: &Principal, permission: &str, resource: &str) -> bool {
        self.bindings.iter().any(|b| b.allows(principal, permission, resource, &self.project))
    }
}

/// Bindings alone, without a project.
impl From<Vec<Binding>> for Policy {
    fn from(bindings: Vec<Binding>) -> Self {
        Self { project: String::new(), bindings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p";

    fn device(subject: &str, id: &str) -> Principal {
        let attributes = [("attribute.device".to_owned(), id.to_owned())].into();
        Principal::Federated { pool: POOL.into(), subject: subject.into(), attributes }
    }

    fn policy(json: &serde_json::Value) -> Result<Policy, PolicyError> {
        Policy::of_project(&"local".parse().unwrap()).and_read(&json.to_string())
    }

    #[test]
    fn a_role_on_a_resource_counts_there_and_below_and_nowhere_else() {
        let member = format!("principal://{POOL}/subject/7");
        let grant = |role: &str, on: &str| Policy::from(vec![Binding::grant(role, &member, on).unwrap()]);
        let seven = device("7", "a");
        let on_topic = grant("roles/pubsub.publisher", &topic("p", "t"));
        assert!(on_topic.allows(&seven, "pubsub.topics.publish", &topic("p", "t")));
        assert!(!on_topic.allows(&seven, "pubsub.topics.delete", &topic("p", "t")), "not in the role");
        assert!(!on_topic.allows(&device("77", "a"), "pubsub.topics.publish", &topic("p", "t")), "another member");
        for other in [topic("p", "t2"), topic("q", "t"), project("p")] {
            assert!(!on_topic.allows(&seven, "pubsub.topics.publish", &other), "{other}");
        }
        let on_bucket = grant("roles/storage.objectViewer", &bucket("b"));
        assert!(on_bucket.allows(&seven, "storage.objects.get", &object("b", "x/y")));
        assert!(!on_bucket.allows(&seven, "storage.objects.get", &object("bb", "x")));
    }

    #[test]
    fn a_role_on_the_project_counts_for_all_that_is_its_own() {
        let json = serde_json::json!({"version": 1, "etag": "BwX", "bindings": [
            {"role": "roles/storage.objectAdmin", "members": [format!("principalSet://{POOL}/*")]},
            {"role": "roles/cloudiot.viewer", "members": ["serviceAccount:a@x.iam.gserviceaccount.com"]},
        ]});
        let policy = policy(&json).unwrap();
        assert!(policy.allows(&device("1", "a"), "storage.objects.delete", &object("any", "x")), "the local project's buckets");
        let account = Principal::ServiceAccount("a@x.iam.gserviceaccount.com".into());
        let here = registry("local", "l", "r");
        assert!(policy.allows(&account, "cloudiot.devices.get", &here) && !policy.allows(&device("1", "a"), "cloudiot.devices.get", &here));
        assert!(!policy.allows(&account, "cloudiot.devices.get", &registry("other", "l", "r")), "another project");
        assert!(!policy.allows(&account, "cloudiot.devices.sendCommand", &here));
    }

    #[test]
    fn a_condition_narrows_to_names_that_begin_so() {
        let json = serde_json::json!([{"resource": bucket("b"), "policy": {"bindings": [{
            "role": "roles/storage.objectViewer", "members": [format!("principalSet://{POOL}/attribute.device/a")],
            "condition": {"title": "own", "expression": "resource.name.startsWith('projects/_/buckets/b/objects/a/')"},
        }]}}]);
        let policy = policy(&json).unwrap();
        assert!(policy.allows(&device("1", "a"), "storage.objects.get", &object("b", "a/x")));
        assert!(!policy.allows(&device("1", "a"), "storage.objects.get", &object("b", "b/x")));
        assert!(!policy.allows(&device("2", "b"), "storage.objects.get", &object("b", "a/x")));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_name() {
        let binding = |role: &str, member: &str| serde_json::json!({"bindings": [{"role": role, "members": [member]}]});
        let with = |condition: &str| {
            let member = "serviceAccount:a@b.c";
            serde_json::json!({"bindings": [{"role": "roles/storage.admin", "members": [member], "condition": {"expression": condition}}]})
        };
        for (json, says) in [
            (binding("roles/owner", "serviceAccount:a@b.c"), "`roles/owner`"),
            (binding("roles/storage.admin", "allUsers"), "`allUsers`"),
            (with("request.time < timestamp('2030-01-01T00:00:00Z')"), "is not understood"),
            (serde_json::json!({"binding": []}), "`binding`"),
            (serde_json::json!([{"resource": "p", "policy": {"bindings": []}}]), "`p` is no full resource name"),
            (serde_json::json!("x"), "neither a policy"),
        ] {
            let e = policy(&json).unwrap_err().to_string();
            assert!(e.contains(says), "{json}: {e}");
        }
    }
}
