//! Figures of several rounds, and tables of them.

use std::time::Duration;

/// The same thing measured again and again.
#[derive(Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    pub fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// In milliseconds.
    pub fn add_time(&mut self, time: Duration) {
        self.add(time.as_secs_f64() * 1e3);
    }

    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// Minimum and median as two cells.
    pub fn cells(&self) -> [String; 2] {
        if self.0.is_empty() { [String::new(), String::new()] } else { [figure(self.min()), figure(self.median())] }
    }
}

/// A figure with about three digits.
pub fn figure(value: f64) -> String {
    let digits = match value {
        _ if value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

/// Prints a Markdown table.
pub fn print(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("\n## {title}\n");
    println!("| {} |", head.join(" | "));
    println!(
        "|{}|",
        head.iter().enumerate().map(|(n, _)| if n == 0 { " --- " } else { " ---: " }).collect::<Vec<_>>().join("|")
    );
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}
