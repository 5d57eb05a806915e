//! What a return value means: the standard's names for people, and one state for all the ways in which tokens go away.

use cryptoki::error::{Error, RvError};

use crate::fault::{Fault, FaultKind, Tries};

/// A fault from `error` while working with `token` (its name as people know it).
pub(super) fn fault(token: &str, error: &Error) -> Fault {
    match error {
        Error::Pkcs11(rv, function) => {
            let function = format!("C_{function:?}");
            let kind = kind(rv, &function);
            Fault::new(kind, format!("{function}, {token}"), name(rv))
        }
        Error::NotSupported | Error::NullFunctionPointer | Error::MissingSymbol(_) => {
            Fault::new(FaultKind::NotSupported, token, error)
        }
        other => Fault::new(FaultKind::Other, token, other),
    }
}

/// `CKR_PIN_LOCKED`.
pub(super) fn name(rv: &RvError) -> String {
    match rv {
        RvError::VendorDefined(code) => format!("CKR_VENDOR_DEFINED ({code:#x})"),
        RvError::UnknownErrorCode(code) => format!("unknown return value {code:#x}"),
        named => {
            let mut name = String::from("CKR");
            for character in format!("{named:?}").chars() {
                if character.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(character.to_ascii_uppercase());
            }
            name
        }
    }
}

/// Whether the module refused what a template asked for, and did nothing: it may be asked in another way.
pub(super) fn is_about_template(error: &Error) -> bool {
    use RvError as R;
    matches!(
        error,
        Error::Pkcs11(
            R::AttributeTypeInvalid
                | R::AttributeValueInvalid
                | R::AttributeReadOnly
                | R::TemplateIncomplete
                | R::TemplateInconsistent,
            _
        )
    )
}

/// No software token ever answers CKR_DEVICE_REMOVED, and hardware answers many things when it is pulled out: all of them are one
/// state.
fn kind(rv: &RvError, function: &str) -> FaultKind {
    use RvError as R;
    let incorrect = FaultKind::PinIncorrect { tries: Tries::TokenDoesNotTell };
    match rv {
        // Before there is a session these speak of the module and its configuration, not of a token.
        R::GeneralError | R::DeviceError | R::TokenNotPresent
            if matches!(function, "C_Initialize" | "C_GetInfo" | "C_GetSlotList") =>
        {
            FaultKind::Other
        }
        R::DeviceRemoved
        | R::DeviceError
        | R::TokenNotPresent
        | R::TokenNotRecognized
        | R::GeneralError
        | R::ObjectHandleInvalid
        | R::KeyHandleInvalid
        | R::SessionHandleInvalid
        | R::SessionClosed
        | R::SlotIdInvalid
        | R::CryptokiNotInitialized
        | R::UserNotLoggedIn => FaultKind::TokenLost,
        R::PinIncorrect => incorrect,
        R::PinInvalid | R::PinLenRange if function == "C_Login" => incorrect,
        R::PinInvalid | R::PinLenRange => FaultKind::PinNotAcceptable,
        R::PinLocked => FaultKind::PinLocked,
        R::FunctionNotSupported
        | R::MechanismInvalid
        | R::MechanismParamInvalid
        | R::CurveNotSupported
        | R::KeySizeRange
        | R::DomainParamsInvalid => FaultKind::NotSupported,
        _ => FaultKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn a_fault_names_the_call_the_value_and_the_token_and_everything_that_vanishes_is_one_state() {
        let of = |rv, function| fault("token \"root-a\" (serial 5f1a)", &Error::Pkcs11(rv, function));
        let locked = of(RvError::PinLocked, Function::Login);
        assert_eq!(locked.to_string(), "C_Login, token \"root-a\" (serial 5f1a): CKR_PIN_LOCKED");
        assert_eq!(locked.kind, FaultKind::PinLocked);
        for gone in [
            RvError::DeviceRemoved,
            RvError::DeviceError,
            RvError::TokenNotPresent,
            RvError::GeneralError,
            RvError::ObjectHandleInvalid,
            RvError::SessionHandleInvalid,
        ] {
            assert!(of(gone, Function::Sign).token_lost(), "{gone:?}");
        }
        assert_eq!(of(RvError::GeneralError, Function::Initialize).kind, FaultKind::Other);
        assert_eq!(of(RvError::RandomNoRng, Function::Sign).cause, "CKR_RANDOM_NO_RNG");
        assert!(of(RvError::VendorDefined(0x8000_0001), Function::Sign).cause.contains("0x80000001"));
    }
}
