//! Groups of devices: `…/registries/{registry}/groups/{group}`. Google's API binds methods below them, but none of its methods
//! makes one, so there is none here either (`reference/cloud-iot-surface.md`, section 2).

use crate::{ApiError, PathParams};

/// The answer to every method of a group, of a device in one and of gateways in one: NOT_FOUND, because a device that is
/// in no group must not be reached through one.
pub async fn no_such_group(path: PathParams) -> ApiError {
    let group: String = path.text("group").chars().take(255).flat_map(char::escape_debug).collect();
    path.registry().map_or_else(
        |e| e,
        |registry| {
            let group = format!("group `{registry}/groups/{group}`");
            ApiError::not_found(group).and_say(": no method makes groups; name the device without one")
        },
    )
}
