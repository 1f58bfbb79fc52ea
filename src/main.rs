//! The `bowline` program: hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    bowline::cli::main()
}
