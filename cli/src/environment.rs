//! Every variable that begins with `DRAWBRIDGE_` must be one we read: a misspelt one would be obeyed by nobody.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Command;
use host::config::nearest::meant;

/// Prefixes of variables that belong to other programs of the project.
const OTHERS: &[&str] = &["DRAWBRIDGE_SHIM_", "DRAWBRIDGE_TEST_", "DRAWBRIDGE_BIN", "DRAWBRIDGE_POWER_CUT"];

/// The variables of a program, each named after its flag.
fn known(program: &Command) -> BTreeSet<String> {
    let own = program.get_arguments().filter_map(|flag| Some(flag.get_env()?.to_str()?.to_owned()));
    own.chain(program.get_subcommands().flat_map(known)).collect()
}

/// Refuses the first unknown variable, with the one that may have been meant.
pub(crate) fn check(program: &Command, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), String> {
    let known = known(program);
    for (name, _) in variables {
        let name = name.to_string_lossy();
        let ours = name.starts_with("DRAWBRIDGE_") && !OTHERS.iter().any(|o| name.starts_with(o));
        if ours && !known.contains(name.as_ref()) {
            return Err(format!("environment variable `{name}` is not known; {}", meant(&name, known.iter().map(String::as_str))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_named() {
        let program = crate::program();
        let env = |name: &str| check(&program, [(name.into(), OsString::new())].into_iter());
        assert_eq!(
            env("DRAWBRIDGE_HTTPS").unwrap_err(),
            "environment variable `DRAWBRIDGE_HTTPS` is not known; did you mean `DRAWBRIDGE_HTTP`?"
        );
        assert!(env("DRAWBRIDGE_HTTP").is_ok() && env("HOME").is_ok() && env("DRAWBRIDGE_SHIM_BIN").is_ok());
    }

    #[test]
    fn every_variable_of_a_flag_is_known() {
        let known = known(&crate::program());
        for name in ["DRAWBRIDGE_METRICS", "DRAWBRIDGE_SIGNING_KEYS", "DRAWBRIDGE_PROFILE", "DRAWBRIDGE_ADMIN_TOKEN", "DRAWBRIDGE_DATA"] {
            assert!(known.contains(name), "{name} of {known:?}");
        }
    }
}
