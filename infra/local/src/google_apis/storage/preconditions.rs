//! `generation`, `ifGenerationMatch`, `ifMetagenerationMatch` and their opposites: 412 when the object is another. Generation 0 is none at all.

use super::Params;
use crate::security_token_service::error::Google;

/// What a request demands of the object it reads or replaces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Preconditions {
    generation: Option<u64>,
    matches: Option<u64>,
    not: Option<u64>,
}

impl Preconditions {
    pub(super) fn read(params: &Params) -> Result<Self, Google> {
        // Metadata never changes here: its generation is always 1.
        let (same, other) = (params.number("ifMetagenerationMatch")?, params.number("ifMetagenerationNotMatch")?);
        if same.is_some_and(|wanted| wanted != 1) || other == Some(1) {
            return Err(Google::condition_not_met());
        }
        Ok(Self {
            generation: params.number("generation")?,
            matches: params.number("ifGenerationMatch")?,
            not: params.number("ifGenerationNotMatch")?,
        })
    }

    /// Whether the object, of this generation or none, may be read. `Ok(false)` says that the generation asked for is gone.
    pub(super) fn hold(&self, found: Option<u64>) -> Result<bool, Google> {
        let found = found.unwrap_or(0);
        let differs = self.matches.is_some_and(|wanted| wanted != found) || self.not == Some(found);
        if differs { Err(Google::condition_not_met()) } else { Ok(self.generation.is_none_or(|wanted| wanted == found)) }
    }

    /// What the one who writes demands, for the moment of the write. `Err` for what cannot be held to there.
    pub(super) fn of_write(&self) -> Result<Option<u64>, Google> {
        if self.not.is_some() {
            return Err(Google::unimplemented("ifGenerationNotMatch of an upload is not served by the local stack: use ifGenerationMatch"));
        }
        Ok(self.matches)
    }

    /// The generation that goes, if it has to be a certain one.
    pub(super) fn of_delete(&self) -> Option<u64> {
        self.matches.or(self.generation)
    }
}
