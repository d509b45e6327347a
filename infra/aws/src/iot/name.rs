//! Which devices AWS IoT can carry: limits that nobody could know when the device was created.

use domain::DeviceKey;

/// Longest client id of AWS IoT, which here is the device's whole name. Source: docs.aws.amazon.com/general/latest/gr/iot-core.html.
pub const MAX_CLIENT_ID_BYTES: usize = 128;

/// Whether a device of this name can be connected to AWS IoT; the error names the value and the limit.
pub fn check_name(device: &DeviceKey) -> Result<(), String> {
    let (name, id) = (device.to_string(), &device.id);
    if name.len() > MAX_CLIENT_ID_BYTES {
        let has = name.len();
        return Err(format!(
            "client id `{name}` of {has} bytes exceeds the limit of AWS IoT, {MAX_CLIENT_ID_BYTES} bytes: use shorter ids, or the bridge"
        ));
    }
    if id.as_str().contains('+') {
        return Err(format!("device id `{id}` has a `+`, which AWS IoT takes for a wildcard in topics: use another id, or the bridge"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_aws_iot_cannot_carry_is_refused_with_its_limit() {
        let check = |id: &str| {
            check_name(&DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: id.parse().unwrap() })
        };
        assert!(check("pi-1").is_ok());
        assert!(check(&"d".repeat(82)).is_ok(), "128 bytes in all");
        let long = check(&"d".repeat(83)).unwrap_err();
        assert!(long.contains("of 129 bytes exceeds the limit of AWS IoT, 128 bytes"), "{long}");
        assert!(check("a+b").unwrap_err().contains("device id `a+b` has a `+`"));
    }
}
