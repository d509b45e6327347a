//! A new key for an account, as Google Cloud's console hands it out.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

use domain::token::ServiceAccount;
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use super::ServiceAccounts;

impl ServiceAccounts {
    /// Makes a key of 2048 bits for `account`. Its public half joins the folder; what is answered is the content of a key
    /// file, with the private half that is nowhere else, for a program that asks for its tokens at `token_uri`.
    pub fn make_key(&self, account: &ServiceAccount, token_uri: &str) -> io::Result<Value> {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(io::Error::other)?;
        let mut file = OpenOptions::new().create(true).append(true).open(self.folder.join(format!("{account}.pem")))?;
        file.write_all(key.public_key_pem().as_bytes())?;
        file.sync_all()?;
        let email = account.as_str();
        let project = email.split_once('@').and_then(|(_, host)| host.split('.').next()).unwrap_or_default();
        Ok(json!({
            "type": "service_account",
            "project_id": project,
            "private_key_id": format!("{:032x}", rand::random::<u128>()),
            "private_key": key.serialize_pem(),
            "client_email": email,
            "client_id": "",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }))
    }
}
