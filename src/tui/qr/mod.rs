//! QR codes on this screen: shown to a camera ([`show`]), and what a scanner reads ([`read`]).

pub mod read;
pub mod show;
pub mod widget;
