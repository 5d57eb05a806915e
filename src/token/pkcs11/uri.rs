//! PKCS#11 URIs (RFC 7512), by which scripts name tokens:
//! `pkcs11:token=root-a;serial=5f1a?module-path=/usr/lib/softhsm/libsofthsm2.so`.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::{device::TokenIdentity, text::percent_encoded};

/// The longest URI that is read, in bytes.
const URI_MAX: usize = 4096;

/// The part of RFC 7512 that names a token. Attributes that name objects or slots, and those that carry a PIN, are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenUri {
    /// `token`: the label.
    pub label: Option<String>,
    /// `serial`.
    pub serial: Option<String>,
    /// `manufacturer`.
    pub manufacturer: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// `module-path`: an absolute path.
    pub module_path: Option<PathBuf>,
    /// `x-init-reserved`: what C_Initialize gets as its reserved argument. Some modules (NSS) are configured by it.
    pub init_reserved: Option<String>,
}

impl TokenUri {
    /// The URI that finds `token` again: its module, label and serial.
    pub fn of(token: &TokenIdentity) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            label: some(&token.label),
            serial: some(&token.serial),
            module_path: Some(token.module.path.clone().into()),
            ..Self::default()
        }
    }

    /// Whether `token` answers to this URI. What the URI does not name matches everything.
    pub fn matches(&self, token: &TokenIdentity) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        same(&self.label, &token.label)
            && same(&self.serial, &token.serial)
            && same(&self.manufacturer, &token.manufacturer)
            && same(&self.model, &token.model)
    }
}

/// What is wrong with a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriError(String);

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UriError {}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let error = |what: String| Err(UriError(what));
        if text.len() > URI_MAX {
            return error(format!("a PKCS#11 URI has at most {URI_MAX} bytes"));
        }
        let Some(rest) = text.strip_prefix("pkcs11:") else {
            return error("a PKCS#11 URI begins with pkcs11: (RFC 7512)".into());
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        let pairs = path.split(';').map(|pair| (pair, false)).chain(query.split('&').map(|pair| (pair, true)));
        for (pair, in_query) in pairs.filter(|(pair, _)| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return error(format!("\"{pair}\" has no value: name=value is wanted"));
            };
            let value = decoded(value)?;
            let place = match (name, in_query) {
                ("token", false) => &mut uri.label,
                ("serial", false) => &mut uri.serial,
                ("manufacturer", false) => &mut uri.manufacturer,
                ("model", false) => &mut uri.model,
                ("x-init-reserved", true) => &mut uri.init_reserved,
                ("module-path", true) if uri.module_path.is_some() => {
                    return error("module-path is given twice".into());
                }
                ("module-path", true) => {
                    if !value.starts_with('/') {
                        return error("module-path must be an absolute path".into());
                    }
                    uri.module_path = Some(value.into());
                    continue;
                }
                ("pin-value" | "pin-source", _) => {
                    return error("a PIN never stands in a URI; it is typed when it is needed".into());
                }
                _ => {
                    return error(format!(
                        "\"{name}\" is not used here: a token is named by token, serial, manufacturer, model, and ?module-path"
                    ));
                }
            };
            if place.replace(value).is_some() {
                return error(format!("{name} is given twice"));
            }
        }
        Ok(uri)
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part =
            |name: &str, value: &Option<String>| value.as_deref().map(|value| format!("{name}={}", encoded(value)));
        let path = [
            part("token", &self.label),
            part("serial", &self.serial),
            part("manufacturer", &self.manufacturer),
            part("model", &self.model),
        ];
        let module = self.module_path.as_ref().map(|path| format!("module-path={}", encoded(&path.to_string_lossy())));
        let query = [module, part("x-init-reserved", &self.init_reserved)];
        f.write_str("pkcs11:")?;
        f.write_str(&path.into_iter().flatten().collect::<Vec<_>>().join(";"))?;
        let query = query.into_iter().flatten().collect::<Vec<_>>().join("&");
        if query.is_empty() { Ok(()) } else { write!(f, "?{query}") }
    }
}

fn decoded(text: &str) -> Result<String, UriError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.map_or('?', char::from));
        let digits: String = digits.iter().collect();
        match crate::digest::from_hex(&digits).as_deref() {
            Some([byte]) => bytes.push(*byte),
            _ => return Err(UriError(format!("%{digits} is not a percent sign and two hexadecimal digits"))),
        }
    }
    String::from_utf8(bytes).map_err(|_| UriError("a value is not UTF-8 after decoding".into()))
}

fn encoded(text: &str) -> String {
    percent_encoded(text, b"-._~/:,@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_written_and_read_again() {
        let text = "pkcs11:token=Zo%C3%AB%27s%20root;serial=5f1a?module-path=/usr/lib/softhsm/libsofthsm2.so";
        let uri: TokenUri = text.parse().unwrap();
        assert_eq!(uri.label.as_deref(), Some("Zoë's root"));
        assert_eq!(uri.module_path.as_deref(), Some(std::path::Path::new("/usr/lib/softhsm/libsofthsm2.so")));
        assert_eq!(uri.to_string().parse::<TokenUri>().unwrap(), uri);
        assert_eq!("pkcs11:".parse::<TokenUri>().unwrap(), TokenUri::default());
    }

    #[test]
    fn a_pin_a_slot_an_object_or_a_malformed_uri_is_refused_with_its_reason() {
        for (text, reason) in [
            ("token=a", "begins with pkcs11:"),
            ("pkcs11:token=a?pin-value=1234", "never stands in a URI"),
            ("pkcs11:token=a?pin-source=/x", "never stands in a URI"),
            ("pkcs11:slot-id=3", "not used here"),
            ("pkcs11:object=key", "not used here"),
            ("pkcs11:token", "has no value"),
            ("pkcs11:token=a;token=b", "given twice"),
            ("pkcs11:token=%zz", "hexadecimal"),
            ("pkcs11:token=%4", "hexadecimal"),
            ("pkcs11:token=%ff", "UTF-8"),
            ("pkcs11:?module-path=lib.so", "absolute"),
        ] {
            let error = text.parse::<TokenUri>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
