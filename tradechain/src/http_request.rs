//! HTTP requests signed as RFC 9421 has it: the bytes, signing, checking. How headers carry them is not known here.

use crate::KeyError;
use crate::key::{Keypair, check_plain};
use bandex_types::{PublicKey, SignatureBytes};

/// What the signature of an HTTP request covers.
///
/// No domain tag comes before its bytes, since the standard says what they are. All the same it never passes for
/// anything else that a key signs, nor the other way round: they begin with a quotation mark, and a tag with a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest<'a> {
    /// The covered components in order: the name as it stands between its quotation marks, and the value.
    pub components: &'a [(String, String)],
    /// The covered names with the signature's parameters, as the header Signature-Input has them.
    pub params: &'a str,
}

impl HttpRequest<'_> {
    /// The signature base (RFC 9421, 2.5).
    pub fn base(&self) -> String {
        let mut base = String::new();
        for (name, value) in self.components {
            base.push_str(&format!("\"{name}\": {value}\n"));
        }
        base + "\"@signature-params\": " + self.params
    }

    /// Signs the base with Ed25519 (RFC 9421, 3.3.6).
    pub fn sign(&self, keypair: &Keypair) -> SignatureBytes {
        keypair.sign_plain(self.base().as_bytes())
    }

    /// Checks a signature over the base, by the strict rule of all signatures here.
    ///
    /// # Errors
    /// The key is unfit or the signature is not its own.
    pub fn check(&self, key: &PublicKey, signature: &SignatureBytes) -> Result<(), KeyError> {
        check_plain(key, self.base().as_bytes(), signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Domain;
    use bandex_types::Hash;

    /// RFC 9421, B.2.6, with the key of B.1.4.
    #[test]
    fn the_standards_own_example_is_made_and_checked() {
        let seed = "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5";
        let keypair = Keypair::from_seed(seed.parse::<Hash>().unwrap().as_bytes());
        let key = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb".parse().unwrap();
        assert_eq!(keypair.public(), key);
        let components = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let params = "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                      ;created=1618884473;keyid=\"test-key-ed25519\"";
        let request = HttpRequest { components: &components, params };
        let base = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\
                    \"@authority\": example.com\n\"content-type\": application/json\n\"content-length\": 18\n\
                    \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                    \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
        assert_eq!(request.base(), base);
        let signature = "c2a700a9b9982768e2da095f00c691cb882bb98627c769c414dd8737a8eb9c39d0\
                         08ad6ed3619bd38bfd10383050f8aee00d30eafb90bf9948a7958fa412910b"
            .parse()
            .unwrap();
        assert_eq!(request.sign(&keypair), signature);
        assert_eq!(request.check(&key, &signature), Ok(()));
        let other = HttpRequest { params: "()", ..request };
        assert_eq!(other.check(&key, &signature), Err(KeyError::BadSignature));
    }

    #[test]
    fn no_base_is_the_preimage_of_anything_else() {
        let empty = HttpRequest { components: &[], params: "" };
        assert!(empty.base().starts_with('"'));
        assert_ne!(Domain::Block.tag()[0], b'"');
    }
}
