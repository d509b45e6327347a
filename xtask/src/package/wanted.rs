//! What is made, for which machine.

use anyhow::Result;

use super::build::Target;
use crate::args::{self, Args};

/// A kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The shim, as program and, where Debian has packages for the machine, as .deb.
    Shim,
    /// `drawbridge`, command line and server, as .deb.
    Server,
    /// The functions as a zip for AWS Lambda.
    Lambda,
    /// The functions as a container image.
    Image,
}

impl Part {
    const ALL: [(&'static str, Self); 4] =
        [("shim", Self::Shim), ("server", Self::Server), ("lambda", Self::Lambda), ("image", Self::Image)];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(its, _)| *its == name).map(|(_, part)| part)
    }

    /// Whether it is made for `target`: devices are of every kind, clouds of two.
    fn is_for(self, target: Target) -> bool {
        self == Self::Shim || Target::in_clouds().any(|cloud| cloud.debian == target.debian)
    }
}

/// What was asked for.
pub(crate) struct Wanted {
    pairs: Vec<(Part, Target)>,
}

impl Wanted {
    /// Takes the names of parts and machines.
    pub(crate) fn of(args: &mut Args) -> Result<Self> {
        let (mut parts, mut targets) = (vec![], vec![]);
        while let Some(name) = args.word() {
            match (Part::named(&name), Target::named(&name)) {
                (Some(part), _) => parts.push(part),
                (_, Some(target)) => targets.push(target),
                _ => {
                    let (parts, targets) = (Part::ALL.map(|(name, _)| name), Target::ALL.map(|target| target.debian));
                    return Err(args::usage(format!("no `{name}`; there are {}; {}", parts.join(", "), targets.join(", "))));
                }
            }
        }
        if parts.is_empty() {
            parts = Part::ALL.map(|(_, part)| part).to_vec();
        }
        if targets.is_empty() {
            targets = Target::ALL.to_vec();
        }
        let pairs = parts.into_iter().flat_map(|part| targets.iter().map(move |target| (part, *target)));
        Self::made(pairs)
    }

    /// What CI has time for: each kind of package, the devices by the eldest and the newest. armhf is between them.
    pub(crate) fn in_ci() -> Result<Self> {
        let named = [(Part::Shim, "armv6"), (Part::Shim, "arm64"), (Part::Lambda, "amd64"), (Part::Image, "amd64")];
        let with_care = named.into_iter().filter_map(|(part, name)| Some((part, Target::named(name)?)));
        // These are installed and run by systemd: it is the packages that are tried, not the compiler.
        let here = Target::of_this_machine().map(Target::as_tested);
        let as_tested = [Part::Shim, Part::Server].into_iter().filter_map(|part| Some((part, here?)));
        Self::made(with_care.chain(as_tested))
    }

    /// What CI makes a second time, in another folder.
    pub(crate) fn twice_in_ci() -> Result<Self> {
        Self::made([(Part::Shim, "arm64")].into_iter().filter_map(|(part, name)| Some((part, Target::named(name)?))))
    }

    fn made(pairs: impl Iterator<Item = (Part, Target)>) -> Result<Self> {
        let pairs: Vec<_> = pairs.filter(|(part, target)| part.is_for(*target)).collect();
        if pairs.is_empty() {
            return Err(args::usage("of these nothing is made: server, lambda and image are for arm64 and amd64".to_owned()));
        }
        Ok(Self { pairs })
    }

    /// The machines that `part` is made for.
    pub(crate) fn targets(&self, part: Part) -> impl Iterator<Item = Target> {
        self.pairs.iter().filter(move |(its, _)| *its == part).map(|(_, target)| *target)
    }

    /// Whether `part` is made for `target`.
    pub(crate) fn makes(&self, part: Part, target: Target) -> bool {
        self.targets(part).any(|its| its.debian == target.debian)
    }

    /// All machines, each once.
    pub(crate) fn all_targets(&self) -> impl Iterator<Item = Target> {
        Target::ALL.into_iter().filter(|target| self.pairs.iter().any(|(_, its)| its.debian == target.debian))
    }

    /// Whether any of `parts` is made.
    pub(crate) fn has(&self, parts: &[Part]) -> bool {
        self.pairs.iter().any(|(part, _)| parts.contains(part))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn wanted(words: &str) -> Result<String> {
        let mut args = Args::of(words.split_whitespace().map(Into::into).collect(), "help").unwrap();
        let pairs = Wanted::of(&mut args)?.pairs;
        Ok(pairs.iter().map(|(part, target)| format!("{part:?}-{}", target.debian)).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn parts_and_machines_are_combined_as_far_as_there_is_such_a_package() {
        assert_eq!(wanted("lambda image arm64").unwrap(), "Lambda-arm64 Image-arm64");
        assert_eq!(wanted("shim").unwrap(), "Shim-arm64 Shim-armhf Shim-amd64 Shim-armv6");
        assert_eq!(wanted("armv6").unwrap(), "Shim-armv6");
        assert_eq!(wanted("").unwrap().split(' ').count(), 4 + 3 * 2);
    }

    #[test]
    fn ci_makes_each_kind_of_package_and_says_with_what_care() {
        let wanted = Wanted::in_ci().unwrap();
        assert!(Part::ALL.iter().all(|(_, part)| wanted.has(&[*part])));
        let here = Target::of_this_machine().unwrap();
        assert!(wanted.makes(Part::Shim, here) && wanted.makes(Part::Server, here), "systemd tries both");
        assert!(Wanted::twice_in_ci().unwrap().targets(Part::Shim).all(|again| wanted.makes(Part::Shim, again)));
    }

    #[test]
    fn what_is_not_made_is_refused() {
        assert!(wanted("image armhf").unwrap_err().to_string().starts_with("of these nothing is made"));
        assert!(wanted("mips").unwrap_err().to_string().starts_with("no `mips`; there are shim, server"));
    }
}
