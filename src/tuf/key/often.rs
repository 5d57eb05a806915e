//! P-256 keys that verify often. The offline key of many repositories verifies thousands of signatures at one sitting; multiples of its
//! point, computed once, then take the place of most of the work. Everything here is public, so its time may depend on it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use p256::{
    AffinePoint, FieldBytes, ProjectivePoint, Scalar,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _},
    elliptic_curve::{
        BatchNormalize as _,
        ops::{Invert as _, MulByGeneratorVartime as _, Reduce as _},
        point::AffineCoordinates as _,
    },
};

/// Bits of a scalar that one table answers for.
const BITS: usize = 4;
/// Multiples in one table: 1 to 15 times.
const MULTIPLES: usize = (1 << BITS) - 1;
/// Tables for a scalar of 256 bits.
const TABLES: usize = 256 / BITS;
/// How often a key verifies before its multiples are computed, which takes about as long as four verifications.
const OFTEN: u32 = 16;
/// How many keys are counted, the one that was seen last in front.
const COUNTED_MAX: usize = 8;

/// The multiples of a point: `[k]·16^i` at place `15·i + k - 1`.
struct Multiples(Vec<AffinePoint>);

impl Multiples {
    fn of(key: &VerifyingKey) -> Self {
        let mut base = ProjectivePoint::from(*key.as_affine());
        let mut points = Vec::with_capacity(TABLES * MULTIPLES);
        for _ in 0..TABLES {
            let mut multiple = base;
            for _ in 0..MULTIPLES {
                points.push(multiple);
                multiple += base;
            }
            base = multiple;
        }
        Self(ProjectivePoint::batch_normalize_vartime(points.as_slice()))
    }

    fn times(&self, scalar: &Scalar) -> ProjectivePoint {
        let bytes = FieldBytes::from(*scalar);
        let digits = bytes.iter().rev().flat_map(|byte| [byte & 0x0f, byte >> BITS]);
        let mut sum = ProjectivePoint::IDENTITY;
        for (table, digit) in self.0.chunks_exact(MULTIPLES).zip(digits) {
            if let Some(place) = usize::from(digit).checked_sub(1) {
                sum += table[place];
            }
        }
        sum
    }

    /// FIPS 186-5, section 6.4.2, from its step 3 on: a [`Signature`] has two numbers between 1 and the order of the curve.
    fn verify(&self, sha256: &[u8; 32], signature: &Signature) -> bool {
        let (r, s) = signature.split_scalars();
        let inverse = *s.invert_vartime();
        let u1 = Scalar::reduce(&FieldBytes::from(*sha256)) * inverse;
        let u2 = *r * inverse;
        let sum = ProjectivePoint::mul_by_generator_vartime(&u1) + self.times(&u2);
        *r == Scalar::reduce(&sum.to_affine().x())
    }
}

/// A key that verified something, and how often.
struct Counted {
    key: VerifyingKey,
    times: u32,
    multiples: Arc<OnceLock<Multiples>>,
}

static COUNTED: Mutex<Vec<Counted>> = Mutex::new(vec![]);

/// Whether `signature` verifies over `sha256`, as the library has it, and sooner for a key that verifies often.
pub(super) fn verify(key: &VerifyingKey, sha256: &[u8; 32], signature: &Signature) -> bool {
    match seen(key) {
        Some(multiples) => multiples.get_or_init(|| Multiples::of(key)).verify(sha256, signature),
        None => key.verify_prehash(sha256, signature).is_ok(),
    }
}

/// Counts one verification; gives the key's place for its multiples where it verifies often.
fn seen(key: &VerifyingKey) -> Option<Arc<OnceLock<Multiples>>> {
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    let place = counted.iter().position(|counted| counted.key == *key);
    let mut this = match place {
        Some(place) => counted.remove(place),
        None => Counted { key: *key, times: 0, multiples: Arc::default() },
    };
    this.times = this.times.saturating_add(1);
    let multiples = (this.times > OFTEN).then(|| Arc::clone(&this.multiples));
    counted.insert(0, this);
    counted.truncate(COUNTED_MAX);
    multiples
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{SigningKey, signature::hazmat::PrehashSigner as _};

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_slice(&[seed; 32]).expect("a scalar")
    }

    fn scalar(bytes: [u8; 32]) -> Scalar {
        Scalar::reduce(&FieldBytes::from(bytes))
    }

    #[test]
    fn multiples_are_those_of_the_library() {
        let point = ProjectivePoint::from(*key(7).verifying_key().as_affine());
        let multiples = Multiples::of(key(7).verifying_key());
        let mut low = [0; 32];
        let small = (0..=255u8).map(|byte| {
            low[31] = byte;
            scalar(low)
        });
        let wide = (0..64usize).flat_map(|place| {
            [1u8, 8, 15].map(|digit| {
                let mut bytes = [0; 32];
                bytes[31 - place / 2] = digit << (4 * (place % 2));
                scalar(bytes)
            })
        });
        let order_less_one = -Scalar::ONE;
        for factor in small.chain(wide).chain([order_less_one, scalar([0xa5; 32])]) {
            assert_eq!(multiples.times(&factor), point * factor);
        }
    }

    #[test]
    fn the_verdict_is_the_librarys_for_good_signatures_and_for_everything_else() {
        let (signer, other) = (key(3), key(4));
        let public = signer.verifying_key();
        let multiples = Multiples::of(public);
        let mut good = 0;
        for number in 0..200u8 {
            let digest = [number; 32];
            let signature: Signature = signer.sign_prehash(&digest).expect("it signs");
            let (r, s) = signature.split_bytes();
            // s and -s both verify; r and s changed places, another digest, key or number do not.
            let (_, nonzero) = signature.split_scalars();
            let negative = Signature::from_scalars(r, FieldBytes::from(-*nonzero)).expect("two numbers");
            let turned = Signature::from_scalars(s, r).expect("two numbers");
            let foreign: Signature = other.sign_prehash(&digest).expect("it signs");
            let mut digests = [digest; 2];
            digests[1][usize::from(number) % 32] ^= 1;
            for signature in [signature, negative, turned, foreign] {
                for digest in digests {
                    let verdict = multiples.verify(&digest, &signature);
                    assert_eq!(verdict, public.verify_prehash(&digest, &signature).is_ok());
                    good += u32::from(verdict);
                }
            }
        }
        assert_eq!(good, 400, "each signature and its negative, over its own digest");
    }

    /// The sum is the point at infinity: u1·G + u2·Q = 0 for s chosen freely and r = -z/d. Nothing may verify there.
    #[test]
    fn a_sum_at_infinity_verifies_nothing() {
        let signer = key(9);
        let multiples = Multiples::of(signer.verifying_key());
        let digest = [0x42; 32];
        let r = -(scalar(digest) * *signer.as_nonzero_scalar().invert_vartime());
        let signature = Signature::from_scalars(FieldBytes::from(r), FieldBytes::from(scalar([1; 32])));
        let signature = signature.expect("two numbers");
        assert!(!multiples.verify(&digest, &signature));
        assert!(signer.verifying_key().verify_prehash(&digest, &signature).is_err());
    }

    #[test]
    fn a_key_that_verifies_often_goes_on_with_its_multiples_and_a_few_keys_are_counted() {
        let signer = key(11);
        let digest = [1; 32];
        let signature: Signature = signer.sign_prehash(&digest).expect("it signs");
        let has = || {
            let counted = COUNTED.lock().expect("no thread panicked");
            let this = counted.iter().find(|counted| counted.key == *signer.verifying_key());
            (counted.len(), this.is_some_and(|counted| counted.multiples.get().is_some()))
        };
        for _ in 0..=OFTEN {
            assert!(verify(signer.verifying_key(), &digest, &signature));
            assert!(!verify(signer.verifying_key(), &[2; 32], &signature));
        }
        assert!(has().1);
        for seed in 20..40 {
            assert!(!verify(key(seed).verifying_key(), &digest, &signature));
        }
        assert_eq!(has(), (COUNTED_MAX, false), "it was forgotten, and is counted anew");
    }
}
