"""What is stored about one person: how it is found, shown and removed."""

from worker.people.erasing import Erased, forget
from worker.people.index import PeopleIndex, index_of
from worker.people.person import NobodyError, Person
from worker.people.searching import Found, search

__all__ = ["Erased", "Found", "NobodyError", "PeopleIndex", "Person", "forget", "index_of", "search"]
