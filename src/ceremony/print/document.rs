//! A document as blocks, before it is HTML or Markdown: what is printed is said once.

/// A whole document.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The title, also at the head of every page.
    pub title: String,
    /// What stands beside it at the head of every page.
    pub running: String,
    /// Boxes to tick at the head of every page.
    pub boxes: Vec<&'static str>,
    /// Stamps at the head of every page.
    pub stamps: Vec<String>,
    /// A word behind the text of every page.
    pub watermark: Option<&'static str>,
    /// What stands at the foot of every page before the words.
    pub foot: String,
    /// Words at the foot of every page, numbered from 1.
    pub foot_words: Vec<String>,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A piece of a document.
#[derive(Clone, Debug)]
pub enum Block {
    /// The title of a part.
    Heading(String),
    /// The title of a piece of a part.
    Subheading(String),
    /// A paragraph.
    Text(String),
    /// A paragraph in small print.
    Small(String),
    /// A sentence that nobody may overlook.
    Alarm(String),
    /// A list.
    List(Vec<String>),
    /// A list with boxes to tick.
    Checklist(Vec<String>),
    /// Names and what they are.
    Facts(Vec<(String, String)>),
    /// A table.
    Table(Table),
    /// Words with their numbers, from 1.
    Words(Vec<String>),
    /// Hexadecimal digits or other exact text.
    Exact(String),
    /// Blanks for that many words, numbered from 1.
    BlankWords(usize),
    /// Labels with a line to write on.
    Fields(Vec<String>),
    /// A box to write in, that many lines high.
    Space(String, usize),
    /// The next block begins a page.
    NewPage,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// How it is laid out.
    pub layout: Layout,
    /// The titles of its columns.
    pub head: Vec<&'static str>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// How a table is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Columns as wide as they need.
    Plain,
    /// Rows high enough to write in.
    Form,
    /// The steps of a script.
    Steps,
    /// The steps of a script with what happened at each.
    Annotated,
}

/// A cell: lines under one another.
pub type Cell = Vec<Line>;

/// A line of a cell.
#[derive(Clone, Debug)]
pub enum Line {
    /// Plain text.
    Plain(String),
    /// What the cell is about.
    Strong(String),
    /// What should be seen.
    Expect(String),
    /// A label with a line to write on.
    Field(String),
    /// Digits and other exact text.
    Exact(String),
    /// An entry of a transcript: its number and what it says.
    Entry(u64, String),
    /// A label, and numbered blanks for that many words.
    BlankWords(String, usize),
}

/// A cell of one plain line; empty for no text.
pub fn plain(text: impl Into<String>) -> Cell {
    let text = text.into();
    if text.is_empty() { vec![] } else { vec![Line::Plain(text)] }
}

/// A cell of exact text.
pub fn exact(text: impl Into<String>) -> Cell {
    vec![Line::Exact(text.into())]
}

/// An empty cell, to write in.
pub fn blank() -> Cell {
    vec![]
}

/// A row of plain cells.
pub fn row<const N: usize>(cells: [String; N]) -> Vec<Cell> {
    cells.into_iter().map(plain).collect()
}
