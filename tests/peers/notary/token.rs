//! A stand-in for a registry's token server. Its tokens are real ones, which `notary-server` itself checks.

use std::{path::Path, sync::Arc, time::SystemTime};

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::{DecodePrivateKey as _, Document},
};
use serde_json::{Value, json};

use super::{
    super::http::{Request, Response, Server},
    Pki,
};

/// Who the tokens are for, and by whom: what the server is told as well.
pub const SERVICE: &str = "notary-tests";
pub const ISSUER: &str = "token-tests";

pub struct TokenServer(Server);

impl TokenServer {
    /// Gives tokens to `user:password`: for every repository but those whose name holds `denied`.
    pub fn start(pki: &Pki, user: &str, password: &str, denied: &str) -> Self {
        let text = |path: &Path| std::fs::read_to_string(path).expect("the file is there");
        let key = SigningKey::from(p256::SecretKey::from_pkcs8_pem(&text(&pki.key())).expect("openssl writes PKCS#8"));
        let (_, certificate) = Document::from_pem(&text(&pki.certificate())).expect("a certificate");
        let expected = format!("Basic {}", Base64::encode_string(format!("{user}:{password}").as_bytes()));
        let (denied, certificate) = (denied.to_owned(), Arc::new(Base64::encode_string(certificate.as_bytes())));
        Self(Server::start(move |request| {
            if request.authorization.as_deref() != Some(&expected) {
                return Response::new(401, r#"{"details":"incorrect username or password"}"#);
            }
            let actions =
                |name: &str| if !denied.is_empty() && name.contains(&denied) { vec![] } else { vec!["pull", "push"] };
            let token = token(request, &key, &certificate, actions);
            Response::new(200, json!({ "token": token }).to_string())
        }))
    }

    /// The address of its one page.
    pub fn realm(&self) -> String {
        format!("{}/token", self.0.url())
    }

    /// The scopes that were asked for, in order.
    pub fn scopes(&self) -> Vec<String> {
        self.0.seen().iter().filter_map(|request| query(request, "scope")).collect()
    }
}

fn query(request: &Request, name: &str) -> Option<String> {
    let pairs = request.target.split_once('?')?.1;
    let value = pairs.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ","))
}

/// A JSON Web Token with the certificate of its key in it (RFC 7515), as registries give them.
fn token(
    request: &Request,
    key: &SigningKey,
    certificate: &str,
    actions: impl Fn(&str) -> Vec<&'static str>,
) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let scope = query(request, "scope").unwrap_or_default();
    // `repository:localhost:5000/lab/app:push,pull`
    let name = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':')).map_or("", |(name, _)| name);
    let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [certificate] });
    let claims: Value = json!({
        "iss": ISSUER, "sub": "", "aud": SERVICE, "exp": now + 300, "nbf": now - 60, "iat": now, "jti": format!("{now}"),
        "access": [{ "type": "repository", "name": name, "actions": actions(name) }],
    });
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let message = format!("{}.{}", part(&header), part(&claims));
    let signature: Signature = key.sign(message.as_bytes());
    format!("{message}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()))
}
