//! A list of repositories, one name a line.

use super::{Gun, Malformed};

/// The file of a collection that lists its repositories.
pub const INVENTORY: &str = "inventory.txt";

/// The longest list that is read, in bytes: beyond 100,000 repositories with the longest names that registries give.
pub const INVENTORY_BYTES_MAX: usize = 32 << 20;

/// Repositories in the order of their names' bytes, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory(Vec<Gun>);

impl Inventory {
    /// Reads the file as this program writes it: a name a line, byte-sorted, each once, every line ended by one newline.
    ///
    /// # Errors
    /// With the line that is otherwise.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = text(bytes)?;
        let mut guns: Vec<Gun> = Vec::new();
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let at = |what: String| Malformed::at(index + 1, what);
            let name = line.strip_suffix('\n').ok_or_else(|| at("the last line has no newline at its end".into()))?;
            let gun = Gun::parse(name).map_err(|error| at(error.what))?;
            if guns.last().is_some_and(|before| *before >= gun) {
                return Err(at(format!(
                    "{gun} does not follow the name before it in the order of bytes, each once (LC_ALL=C sort -u)"
                )));
            }
            guns.push(gun);
        }
        Ok(Self(guns))
    }

    /// Reads a list that people wrote: in any order; blanks around a name, empty lines and lines that begin with `#` count for
    /// nothing.
    ///
    /// # Errors
    /// With the line that is no name, or one that stands there again.
    pub fn parse_list(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut guns = Vec::new();
        for (index, line) in text(bytes)?.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                guns.push((Gun::parse(line).map_err(|error| Malformed::at(index + 1, error.what))?, index + 1));
            }
        }
        guns.sort();
        if let Some(pair) = guns.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Malformed::at(pair[1].1, format!("{} stands in line {} already", pair[1].0, pair[0].1)));
        }
        Ok(Self(guns.into_iter().map(|(gun, _)| gun).collect()))
    }

    /// The names, sorted, and what is there twice once.
    pub fn of(guns: impl IntoIterator<Item = Gun>) -> Self {
        let mut guns: Vec<Gun> = guns.into_iter().collect();
        guns.sort();
        guns.dedup();
        Self(guns)
    }

    /// The names in their order.
    pub fn guns(&self) -> &[Gun] {
        &self.0
    }

    /// Whether `gun` is in the list.
    pub fn contains(&self, gun: &Gun) -> bool {
        self.0.binary_search(gun).is_ok()
    }

    /// The file as [`Inventory::parse`] reads it.
    pub fn to_text(&self) -> String {
        self.0.iter().flat_map(|gun| [gun.as_str(), "\n"]).collect()
    }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > INVENTORY_BYTES_MAX {
        return Err(Malformed::whole(format!(
            "{} bytes are more than the {INVENTORY_BYTES_MAX} that are read",
            bytes.len()
        )));
    }
    std::str::from_utf8(bytes).map_err(|_| Malformed::whole("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_is_read_back_and_every_other_is_refused_by_line() {
        let list = Inventory::parse_list(b"# registry of May\n b/two \n\na/one\r\nB\n").expect("a list");
        assert_eq!(list.to_text(), "B\na/one\nb/two\n");
        assert_eq!(Inventory::parse(list.to_text().as_bytes()), Ok(list.clone()));
        assert!(list.contains(&Gun::parse("a/one").expect("a name")));
        for (text, line) in [("b\na\n", 2), ("a\na\n", 2), ("a\nb", 2), ("a\n\nb\n", 2), (" a\n", 1), ("a\r\n", 1)] {
            assert_eq!(Inventory::parse(text.as_bytes()).expect_err(text).line, line, "{text:?}");
        }
        let twice = Inventory::parse_list(b"a\nb\na\n").expect_err("a name that is there twice");
        assert_eq!(twice.to_string(), "line 3: a stands in line 1 already");
        assert!(Inventory::parse(b"\xff\n").is_err());
        assert_eq!(Inventory::parse(b"").map(|list| list.guns().len()), Ok(0));
    }
}
