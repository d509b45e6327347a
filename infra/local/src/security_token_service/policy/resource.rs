//! Full resource names.

use super::PolicyError;

const PROJECT: &str = "//cloudresourcemanager.googleapis.com/projects/";

/// A project, with all that is in it.
pub fn project(project: &str) -> String {
    format!("{PROJECT}{project}")
}

/// A topic of Pub/Sub.
pub fn topic(project: &str, topic: &str) -> String {
    format!("//pubsub.googleapis.com/projects/{project}/topics/{topic}")
}

/// A bucket of Cloud Storage.
pub fn bucket(bucket: &str) -> String {
    format!("//storage.googleapis.com/projects/_/buckets/{bucket}")
}

/// An object of Cloud Storage. It has no policy of its own; conditions name it.
pub fn object(bucket: &str, object: &str) -> String {
    format!("//storage.googleapis.com/projects/_/buckets/{bucket}/objects/{object}")
}

/// A device registry.
pub fn registry(project: &str, location: &str, registry: &str) -> String {
    format!("//cloudiot.googleapis.com/projects/{project}/locations/{location}/registries/{registry}")
}

/// A service account, by its address.
pub fn service_account(email: &str) -> String {
    format!("//iam.googleapis.com/projects/-/serviceAccounts/{email}")
}

/// A full resource name in the one spelling we compare: a service account without its project.
pub(super) fn read(given: &str) -> Result<String, PolicyError> {
    let refused = || PolicyError::Resource(given.to_owned());
    let (service, name) = given.strip_prefix("//").and_then(|r| r.split_once('/')).ok_or_else(refused)?;
    if !service.ends_with(".googleapis.com") || !name.starts_with("projects/") || name.split('/').any(str::is_empty) {
        return Err(refused());
    }
    match name.split_once("/serviceAccounts/") {
        Some((_, email)) if service == "iam.googleapis.com" => Ok(service_account(email)),
        _ => Ok(given.to_owned()),
    }
}

/// What conditions call `resource.name`.
pub(super) fn without_service(full: &str) -> &str {
    full.strip_prefix("//").and_then(|r| r.split_once('/')).map_or(full, |(_, name)| name)
}

/// Whether `asked` is `granted`, or in it. `local` is the project of buckets.
pub(super) fn is_at_or_below(asked: &str, granted: &str, local: &str) -> bool {
    if let Some(project) = granted.strip_prefix(PROJECT) {
        return project_of(asked, local) == project;
    }
    asked.strip_prefix(granted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn project_of<'a>(asked: &'a str, local: &'a str) -> &'a str {
    let mut segments = without_service(asked).split('/').skip(1);
    match segments.next().unwrap_or_default() {
        "_" => local,
        // `name@project.iam.gserviceaccount.com`
        "-" => segments.last().and_then(|email| email.split_once('@')).and_then(|(_, host)| host.split('.').next()).unwrap_or_default(),
        project => project,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_belong_to_the_project_of_their_address_and_buckets_to_ours() {
        assert_eq!(project_of(&service_account("a@fleet.iam.gserviceaccount.com"), "local"), "fleet");
        assert_eq!(project_of(&object("b", "projects/x"), "local"), "local");
        assert_eq!(project_of(&project("p"), "local"), "p");
        assert_eq!(read("//iam.googleapis.com/projects/fleet/serviceAccounts/a@b.c").unwrap(), service_account("a@b.c"));
        for bad in ["", "projects/p", "//example.com/projects/p", "//pubsub.googleapis.com/projects//topics/t", "//pubsub.googleapis.com/x"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
