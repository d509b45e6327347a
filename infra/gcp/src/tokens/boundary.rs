//! Folders as a Credential Access Boundary. Source: docs.cloud.google.com/iam/docs/downscoping-short-lived-credentials
//! and …/iam/docs/reference/sts/rest/v1/Options: at most 10 rules, 2,048 characters.
//!
//! `legacyObjectReader` reads objects and does not list them; `legacyBucketWriter` creates and deletes, which is what
//! replacing an object takes, and its listing is of the bucket, which no condition here lets through.

use domain::objects::{Access, Folder};
use serde_json::{Value, json};

/// Google's limit on `options`, in characters.
const MAX_CHARS: usize = 2048;

/// The value of `options`; the error says which limit is exceeded, and what to do.
pub(super) fn options(folders: &[Folder]) -> Result<String, String> {
    let mut rules: Vec<(&str, Access, Vec<String>)> = Vec::new();
    for Folder { bucket, prefix, access } in folders {
        let name = format!("projects/_/buckets/{bucket}/objects/{prefix}");
        let condition = format!("resource.name.startsWith('{}')", name.replace('\\', r"\\").replace('\'', r"\'"));
        // Folders of one bucket and one sort of access share a rule: ten of them fit sooner.
        match rules.iter_mut().find(|(b, a, _)| (*b, *a) == (bucket.as_str(), *access)) {
            Some((_, _, conditions)) => conditions.push(condition),
            None => rules.push((bucket, *access, vec![condition])),
        }
    }
    let rules: Vec<Value> = rules.iter().map(rule).collect();
    let options = json!({ "accessBoundary": { "accessBoundaryRules": rules } }).to_string();
    match options.chars().count() {
        ..=MAX_CHARS => Ok(options),
        n => Err(format!(
            "an access boundary of {n} characters exceeds Google's limit of {MAX_CHARS}: give the registry fewer or shorter object rules"
        )),
    }
}

fn rule((bucket, access, conditions): &(&str, Access, Vec<String>)) -> Value {
    let roles: &[&str] = match access {
        Access::Read => &["inRole:roles/storage.legacyObjectReader"],
        Access::Write => &["inRole:roles/storage.legacyBucketWriter"],
        Access::ReadWrite => &["inRole:roles/storage.legacyObjectReader", "inRole:roles/storage.legacyBucketWriter"],
    };
    json!({
        "availableResource": format!("//storage.googleapis.com/projects/_/buckets/{bucket}"),
        "availablePermissions": roles,
        "availabilityCondition": { "expression": conditions.join(" || ") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(bucket: &str, prefix: &str, access: Access) -> Folder {
        Folder { bucket: bucket.into(), prefix: prefix.into(), access }
    }

    #[test]
    fn folders_of_a_bucket_share_a_rule_and_quotes_stay_inside() {
        let folders = [folder("b", "fw/", Access::Read), folder("b", "it's/", Access::Read), folder("b", "in/d/", Access::ReadWrite)];
        let options: Value = serde_json::from_str(&options(&folders).unwrap()).unwrap();
        let rules = options["accessBoundary"]["accessBoundaryRules"].as_array().unwrap();
        assert_eq!(rules.len(), 2);
        let expected = r"resource.name.startsWith('projects/_/buckets/b/objects/fw/') || resource.name.startsWith('projects/_/buckets/b/objects/it\'s/')";
        assert_eq!(rules[0]["availabilityCondition"]["expression"], expected);
        assert_eq!(rules[0]["availableResource"], "//storage.googleapis.com/projects/_/buckets/b");
        assert_eq!(rules[1]["availablePermissions"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_exceeds_googles_limit_is_refused_with_both_numbers() {
        let folders: Vec<_> = (0..10).map(|n| folder(&format!("bucket-{n}"), &"x/".repeat(60), Access::Read)).collect();
        let e = options(&folders).unwrap_err();
        assert!(e.contains("characters exceeds Google's limit of 2048"), "{e}");
        let many: Vec<_> = (0..10).map(|n| folder("bucket", &format!("folder-{n}/device-name/"), Access::Read)).collect();
        assert!(options(&many).is_ok());
    }
}
