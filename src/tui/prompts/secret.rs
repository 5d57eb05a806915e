//! A token wants a secret: which token, which secret, how many tries.

use ratatui::text::Line;

use crate::{
    fault::Tries,
    secret::SecretRequest,
    tui::{model::Working, paint, words},
    utc::Utc,
};

pub(super) fn lines(request: &SecretRequest, working: &Working, now: Utc, width: usize) -> Vec<Line<'static>> {
    let mut title = request.what.name().to_owned();
    if let Some(holder) = &request.holder {
        title = format!("{holder}, type the {title}");
    }
    let mut lines = paint::wrap(&title, width, paint::BOLD);
    let unknown = "not told";
    let length = match (request.min, request.max) {
        (Some(min), Some(max)) => format!("{min} to {max} characters"),
        (Some(min), None) => format!("at least {min} characters"),
        (None, Some(max)) => format!("at most {max} characters"),
        (None, None) => "the token does not tell".into(),
    };
    let tries = request.tries.to_string();
    let tries_style = match request.tries {
        Tries::LastTry | Tries::Left(1) | Tries::Locked => paint::BAD,
        Tries::Low => paint::WARN,
        _ => paint::PLAIN,
    };
    let label = request.label.as_deref().unwrap_or(unknown);
    let of_token = [
        ("token", label, paint::PLAIN),
        ("serial", request.serial.as_deref().unwrap_or(unknown), paint::PLAIN),
        ("tries", &tries, tries_style),
        ("length", &length, paint::PLAIN),
    ];
    let of_file = [("key", label, paint::PLAIN), ("length", &length, paint::PLAIN)];
    let of_page = [("page", label, paint::PLAIN)];
    let rows = match request.what {
        _ if request.row.is_some() => &of_page[..],
        what if what.is_of_token() => &of_token[..],
        _ => &of_file[..],
    };
    for &(name, value, style) in rows.iter().filter(|row| row.0 != "tries" || request.what.counts_tries()) {
        lines.extend(paint::item(&format!("  {name:<7}"), paint::DIM, value, width, style));
    }
    if request.touch {
        let ask = "when it blinks, after the PIN, within 15 seconds";
        lines.extend(paint::item("  touch  ", paint::DIM, ask, width, paint::PLAIN));
    }
    if request.covers > 0 {
        lines.extend(paint::item("  covers ", paint::DIM, &request.covered(), width, paint::PLAIN));
    }
    if let Some(wrong) = &request.wrong {
        lines.extend(paint::wrap(wrong, width, paint::BAD));
    }
    if request.attempt > 1 {
        lines.extend(paint::wrap(&format!("Attempt {}.", request.attempt), width, paint::WARN));
    }
    let seconds = u64::try_from(now.seconds() - working.since.seconds()).unwrap_or(0);
    lines.push(paint::gap());
    lines.extend(paint::wrap(
        &format!("To {}, under way {}.", working.what, words::elapsed(seconds)),
        width,
        paint::DIM,
    ));
    lines
}
