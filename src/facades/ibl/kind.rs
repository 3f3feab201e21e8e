//! The four kinds of licenses that the vendor knows, by the product that they are of.

use std::fmt;

use projections::licenses::Wanted;

/// What the product of a course begins with.
const COURSE: &str = "course:";
/// What the product of a program begins with.
const PROGRAM: &str = "program:";
/// The product of a license for a whole platform.
const PLATFORM: &str = "platform";
/// The product of a user license that was made here.
const USER: &str = "user";

/// A kind of licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Seats for users: every product that is none of the others.
    User,
    /// Seats in a course.
    Course,
    /// Seats in a program.
    Program,
    /// A license of the platform itself. Nobody is assigned to it.
    Platform,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::User, Kind::Course, Kind::Program, Kind::Platform];

    /// As it stands in paths.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Course => "course",
            Kind::Program => "program",
            Kind::Platform => "platform",
        }
    }

    /// Whether a license of this product is of this kind.
    pub(super) fn is_of(self, product: &str) -> bool {
        self == match product {
            it if it.starts_with(COURSE) => Kind::Course,
            it if it.starts_with(PROGRAM) => Kind::Program,
            PLATFORM => Kind::Platform,
            _ => Kind::User,
        }
    }

    /// The product of a license of this kind; `of` is the course or the program.
    pub(super) fn product(self, of: &str) -> String {
        match self {
            Kind::User => USER.to_owned(),
            Kind::Course => [COURSE, of].concat(),
            Kind::Program => [PROGRAM, of].concat(),
            Kind::Platform => PLATFORM.to_owned(),
        }
    }

    /// The course or the program of a product.
    pub(super) fn of(self, product: &str) -> &str {
        match self {
            Kind::Course => product.strip_prefix(COURSE).unwrap_or(product),
            Kind::Program => product.strip_prefix(PROGRAM).unwrap_or(product),
            Kind::User | Kind::Platform => product,
        }
    }

    /// The licenses of this kind.
    pub(super) fn wanted(self) -> Wanted {
        let exactly = |it: &str| Wanted { product: Some(it.to_owned()), ..Wanted::default() };
        let within = |it: &str| Wanted { within: Some(it.to_owned()), ..Wanted::default() };
        match self {
            Kind::User => Wanted {
                outside: [COURSE, PROGRAM].map(str::to_owned).to_vec(),
                without: Some(PLATFORM.to_owned()),
                ..Wanted::default()
            },
            Kind::Course => within(COURSE),
            Kind::Program => within(PROGRAM),
            Kind::Platform => exactly(PLATFORM),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
