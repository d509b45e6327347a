//! Credential Access Boundaries: the most that a token may touch in Cloud Storage, whatever its principal may.
//!
//! The part that devices need, read from `options` of STS: rules of one bucket, roles of Cloud Storage, and conditions
//! `resource.name.startsWith('…')`, joined by `||`. Anything else is refused, so that a rule that was not understood
//! never lets anybody in. Source: docs.cloud.google.com/iam/docs/downscoping-short-lived-credentials and
//! …/iam/docs/reference/sts/rest/v1/Options.

use domain::objects::Access;
use serde::{Deserialize, Serialize};

/// Google's limit on the rules of a boundary.
const MAX_RULES: usize = 10;
/// Google's limit on the boundary, in characters.
const MAX_CHARS: usize = 2048;

const RESOURCE: &str = "//storage.googleapis.com/projects/_/buckets/";
const STARTS_WITH: &str = "resource.name.startsWith(";

/// What a token may touch at most: the union of its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    rules: Vec<Rule>,
}

/// One bucket, one sort of access, and where a resource's name must begin; nowhere in particular when `prefixes` is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    bucket: String,
    access: Access,
    prefixes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    access_boundary: SentBoundary,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentBoundary {
    access_boundary_rules: Vec<SentRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentRule {
    available_resource: String,
    available_permissions: Vec<String>,
    availability_condition: Option<SentCondition>,
}

#[derive(Deserialize)]
struct SentCondition {
    expression: String,
}

impl Boundary {
    /// Reads `options`: JSON, or JSON percent-encoded once more, as Google's own client libraries send it.
    pub(super) fn read(options: &str) -> Result<Self, String> {
        let decoded = || form_urlencoded::parse(options.as_bytes()).map(|(text, _)| text).next();
        let text = options.starts_with('%').then(decoded).flatten().unwrap_or_else(|| options.into());
        if text.chars().count() > MAX_CHARS {
            return Err(format!("options of {} characters exceed the limit of {MAX_CHARS}", text.chars().count()));
        }
        let sent: Options = serde_json::from_str(&text).map_err(|e| format!("options cannot be read: {e}"))?;
        let sent = sent.access_boundary.access_boundary_rules;
        if !(1..=MAX_RULES).contains(&sent.len()) {
            return Err(format!("{} access boundary rules are not between 1 and {MAX_RULES}", sent.len()));
        }
        sent.iter().map(Rule::read).collect::<Result<_, _>>().map(|rules| Self { rules })
    }

    pub(super) fn allows(&self, bucket: &str, object: &str, wanted: Access) -> bool {
        let name = format!("projects/_/buckets/{bucket}/objects/{object}");
        let covers = |sort: Access| {
            let at = |rule: &Rule| rule.prefixes.is_empty() || rule.prefixes.iter().any(|p| name.starts_with(p.as_str()));
            self.rules.iter().any(|rule| rule.bucket == bucket && rule.access.covers(sort) && at(rule))
        };
        // What one rule lets read and another write may be read and written.
        covers(wanted) || (wanted == Access::ReadWrite && covers(Access::Read) && covers(Access::Write))
    }
}

impl Rule {
    fn read(sent: &SentRule) -> Result<Self, String> {
        let bucket = sent.available_resource.strip_prefix(RESOURCE).filter(|b| !b.is_empty() && !b.contains('/'));
        let bucket = bucket.ok_or_else(|| format!("availableResource `{}` is not `{RESOURCE}BUCKET`", sent.available_resource))?;
        let mut access: Option<Access> = None;
        for role in &sent.available_permissions {
            let one = role_access(role).ok_or_else(|| format!("availablePermissions `{role}` is no role that the stand-in knows"))?;
            access = Some(access.map_or(one, |other| if other.covers(one) { other } else { Access::ReadWrite }));
        }
        let access = access.ok_or("availablePermissions is empty")?;
        let prefixes = sent.availability_condition.as_ref().map_or(Ok(Vec::new()), |c| prefixes(&c.expression))?;
        Ok(Self { bucket: bucket.to_owned(), access, prefixes })
    }
}

fn role_access(role: &str) -> Option<Access> {
    match role.strip_prefix("inRole:roles/storage.")? {
        "legacyObjectReader" | "objectViewer" => Some(Access::Read),
        "legacyBucketWriter" | "objectCreator" => Some(Access::Write),
        "objectAdmin" | "objectUser" => Some(Access::ReadWrite),
        _ => None,
    }
}

/// The texts of `resource.name.startsWith('A') || resource.name.startsWith('B')`.
pub(super) fn prefixes(expression: &str) -> Result<Vec<String>, String> {
    let refused = || format!("condition `{expression}` is not understood: the stand-in knows {STARTS_WITH}'…') joined by ||");
    let mut rest = expression.trim();
    let mut found = Vec::new();
    loop {
        rest = rest.strip_prefix(STARTS_WITH).and_then(|r| r.strip_prefix('\'')).ok_or_else(refused)?;
        let (text, after) = quoted(rest).ok_or_else(refused)?;
        found.push(text);
        rest = after.strip_prefix(')').ok_or_else(refused)?.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        rest = rest.strip_prefix("||").ok_or_else(refused)?.trim_start();
    }
}

/// A text up to its closing quote, and what follows; `\'` and `\\` stand for themselves.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Some((found, &text[at + 1..])),
            '\\' => found.push(chars.next().map(|(_, c)| c).filter(|c| ['\'', '\\'].contains(c))?),
            c => found.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn boundary(rules: serde_json::Value) -> Result<Boundary, String> {
        Boundary::read(&json!({"accessBoundary": {"accessBoundaryRules": rules}}).to_string())
    }

    fn rule(bucket: &str, role: &str, condition: &str) -> serde_json::Value {
        json!({
            "availableResource": format!("{RESOURCE}{bucket}"),
            "availablePermissions": [format!("inRole:roles/storage.{role}")],
            "availabilityCondition": {"expression": condition},
        })
    }

    #[test]
    fn a_boundary_opens_what_begins_like_its_prefixes_and_nothing_beside() {
        let at = |prefix: &str| format!("resource.name.startsWith('projects/_/buckets/b/objects/{prefix}')");
        let two = format!("{} || {}", at("logs/a/"), at(r"it\'s/"));
        let b = boundary(json!([rule("b", "legacyObjectReader", &two), rule("b", "objectCreator", &at("in/"))])).unwrap();
        for (object, read, write) in
            [("logs/a/x", true, false), ("logs/ab/x", false, false), ("it's/x", true, false), ("in/x", false, true), ("", false, false)]
        {
            assert_eq!((b.allows("b", object, Access::Read), b.allows("b", object, Access::Write)), (read, write), "{object}");
        }
        assert!(!b.allows("c", "logs/a/x", Access::Read) && !b.allows("b", "in/x", Access::ReadWrite));
        let whole =
            boundary(json!([{"availableResource": format!("{RESOURCE}b"), "availablePermissions": ["inRole:roles/storage.objectUser"]}]));
        assert!(whole.unwrap().allows("b", "any", Access::ReadWrite));
    }

    #[test]
    fn the_encoding_of_googles_client_libraries_is_read_too() {
        let json = json!({"accessBoundary": {"accessBoundaryRules": [rule("b", "objectViewer", "resource.name.startsWith('x')")]}});
        let encoded: String = json.to_string().bytes().map(|b| format!("%{b:02X}")).collect();
        assert_eq!(Boundary::read(&encoded), Boundary::read(&json.to_string()));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (rules, says) in [
            (json!([]), "0 access boundary rules"),
            (json!(vec![json!({"availableResource": "x", "availablePermissions": []}); 11]), "11 access boundary rules"),
            (json!([rule("b", "admin", "resource.name.startsWith('x')")]), "`inRole:roles/storage.admin`"),
            (json!([rule("b/c", "objectViewer", "resource.name.startsWith('x')")]), "availableResource"),
            (json!([rule("b", "objectViewer", "true")]), "`true` is not understood"),
            (json!([rule("b", "objectViewer", "resource.name.startsWith('x') && true")]), "is not understood"),
            (json!([rule("b", "objectViewer", "resource.name.startsWith('x")]), "is not understood"),
            (json!([rule("b", "objectViewer", &format!("resource.name.startsWith('{}')", "x".repeat(2048)))]), "the limit of 2048"),
            (json!([{"availableResource": format!("{RESOURCE}b"), "availablePermissions": []}]), "is empty"),
        ] {
            let e = boundary(rules.clone()).unwrap_err();
            assert!(e.contains(says), "{rules}: {e}");
        }
        assert!(Boundary::read("{}").is_err() && Boundary::read("").is_err());
    }
}
