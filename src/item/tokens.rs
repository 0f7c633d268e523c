//! Words of a text: one buffer a text, not one allocation a word.

/// One token of a text. Positions are token ordinals so that phrases work; several tokens may share one
/// (search-mode sub-words).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    /// Byte offsets in the text that was segmented.
    pub from: u32,
    pub to: u32,
    pub position: u32,
}

/// The tokens of one text, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The words, one after the other.
    words: String,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Byte range in `words`.
    start: u32,
    end: u32,
    from: u32,
    to: u32,
    position: u32,
}

impl Tokens {
    /// Room for the tokens of a text of `text_bytes`.
    pub fn with_capacity(tokens: usize, text_bytes: usize) -> Self {
        Self {
            words: String::with_capacity(text_bytes),
            places: Vec::with_capacity(tokens),
        }
    }

    pub fn reserve(&mut self, tokens: usize) {
        self.places.reserve(tokens);
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes of all words together.
    pub fn word_bytes(&self) -> usize {
        self.words.len()
    }

    pub fn push(&mut self, token: Token<'_>) {
        let start = self.words.len() as u32;
        self.words.push_str(token.text);
        self.places.push(Place {
            start,
            end: self.words.len() as u32,
            from: token.from,
            to: token.to,
            position: token.position,
        });
    }

    /// Lengthens the word of a token by `more`, which ends at byte `to` of the segmented text.
    pub fn lengthen(&mut self, index: usize, more: &str, to: u32) {
        let place = &mut self.places[index];
        if place.end as usize != self.words.len() {
            // another word follows in the buffer: the longer one moves to its end
            let start = self.words.len();
            self.words.extend_from_within(place.start as usize..place.end as usize);
            place.start = start as u32;
        }
        self.words.push_str(more);
        place.end = self.words.len() as u32;
        place.to = to;
    }

    pub fn get(&self, index: usize) -> Option<Token<'_>> {
        self.places.get(index).map(|place| self.token(place))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Token<'_>> + ExactSizeIterator {
        self.places.iter().map(|place| self.token(place))
    }

    fn token(&self, place: &Place) -> Token<'_> {
        Token {
            text: &self.words[place.start as usize..place.end as usize],
            from: place.from,
            to: place.to,
            position: place.position,
        }
    }
}

impl<'a> FromIterator<Token<'a>> for Tokens {
    fn from_iter<I: IntoIterator<Item = Token<'a>>>(tokens: I) -> Self {
        let mut all = Self::default();
        for token in tokens {
            all.push(token);
        }
        all
    }
}
