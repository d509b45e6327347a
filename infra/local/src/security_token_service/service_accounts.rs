//! Service accounts of the local stack: the public keys by which they prove themselves.
//!
//! A folder holds a file `EMAIL.pem` for each account, with one or more `PUBLIC KEY` blocks (RSA, 2048 bits or more). It is
//! read when somebody says to be that account: a key that is put in or taken out counts at once. Private keys are not here.
//! Whatever says who it is is checked whole: issuer known, signature by one of its keys, audience, and a life of an hour at
//! most. Source: developers.google.com/identity/protocols/oauth2/service-account.

mod make;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::Timestamp;
use domain::token::ServiceAccount;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::MAX_LIFE_SECS;

/// How far the clocks of two programs of one machine, or of two machines on a desk, may differ.
const SKEW_SECS: i64 = 30;
/// Largest file of keys: some twenty of them.
const MAX_FILE_BYTES: u64 = 64 * 1024;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";

/// The folder.
#[derive(Debug, Clone)]
pub struct ServiceAccounts {
    folder: PathBuf,
}

/// What a service account says, proved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    pub(super) account: String,
    /// OAuth scopes that it asks for, separated by spaces.
    pub(super) scope: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Option<String>,
    scope: Option<String>,
    iat: i64,
    exp: i64,
}

impl ServiceAccounts {
    /// Accounts whose keys are in `folder`, made if absent.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Who signed `token`. The audience is for the caller to judge. The error says what is wrong, in Google's words.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Assertion, String> {
        let claimed = insecure_decode::<Claims>(token).map_err(|_| "Invalid JWT: Failed to parse the JWT.")?;
        if claimed.header.alg != Algorithm::RS256 {
            return Err(format!("Invalid JWT: the algorithm {:?} is not RS256.", claimed.header.alg));
        }
        let account: ServiceAccount = claimed.claims.iss.parse().map_err(|_| "Invalid grant: account not found")?;
        let keys = self.keys(&account).map_err(|e| {
            tracing::warn!(account = %account, error = %e, "The keys of service account {account} cannot be read: {e}");
            "Invalid grant: account not found"
        })?;
        if keys.is_empty() {
            return Err("Invalid grant: account not found".into());
        }
        let claims = keys.iter().find_map(|key| signed(token, key)).ok_or("Invalid JWT Signature.")?;
        admit(claims, now)
    }

    fn keys(&self, account: &ServiceAccount) -> io::Result<Vec<DecodingKey>> {
        // The address has no slash: the file is in the folder.
        let file = self.folder.join(format!("{account}.pem"));
        let text = match fs::metadata(&file) {
            Ok(about) if about.len() > MAX_FILE_BYTES => {
                return Err(io::Error::other(format!("{} bytes exceed the limit of {MAX_FILE_BYTES}", about.len())));
            }
            Ok(_) => fs::read_to_string(&file)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let blocks = text.split_inclusive("-----END PUBLIC KEY-----").filter_map(|part| part.find(BEGIN).map(|at| &part[at..]));
        blocks.map(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(io::Error::other)).collect()
    }
}

fn signed(token: &str, key: &DecodingKey) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode(token, key, &validation).ok().map(|t| t.claims)
}

fn admit(claims: Claims, now: Timestamp) -> Result<Assertion, String> {
    let Claims { iss, sub, aud, scope, iat, exp } = claims;
    if sub.as_ref().is_some_and(|sub| *sub != iss) {
        return Err("Invalid JWT: `sub` is not `iss`; nobody delegates to anybody here.".into());
    }
    let now = now.secs();
    if iat > now + SKEW_SECS || exp <= now || exp.saturating_sub(iat) > MAX_LIFE_SECS {
        let text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
        return Err(format!("{text} Check your iat ({iat}) and exp ({exp}) values in the JWT claim; it is {now}."));
    }
    Ok(Assertion { account: iss, scope, audience: aud, expires_at: Timestamp::from_secs(exp) })
}
