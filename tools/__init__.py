"""What the project is built with, and no part of the package: generators of docs."""
