//! Pub/Sub's limits on what a device says beside its payload (Google, "Pub/Sub quotas and limits").
//!
//! Pub/Sub refuses a whole call for one bad attribute. Checked here, only its event is refused.

/// Attributes of a device's own: Pub/Sub takes 100 a message, and we add at most ten.
const MAX_ATTRIBUTES: usize = 90;
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// Longest value, in bytes.
const MAX_VALUE_BYTES: usize = 1024;

/// Checks names and values; the error names the value and the limit.
pub(crate) fn check<'a>(attributes: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(format!("{} attributes exceed the limit of {MAX_ATTRIBUTES}", attributes.len()));
    }
    for (name, value) in attributes {
        let shown = || name.chars().take(64).flat_map(char::escape_debug).collect::<String>();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.starts_with("goog") {
            return Err(format!("attribute name `{}` is not valid: 1 to {MAX_NAME_BYTES} bytes that do not start with `goog`", shown()));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(format!("the value of attribute `{}` has {} bytes, the limit is {MAX_VALUE_BYTES}", shown(), value.len()));
        }
    }
    Ok(())
}
