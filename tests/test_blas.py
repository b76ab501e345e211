"""One thread of BLAS for as long as anyone asks, whoever leaves first."""

from __future__ import annotations

import threading

import numpy as np  # noqa: F401 (brings its BLAS)
from threadpoolctl import threadpool_info

from amiss import blas


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_limits_of_threads_that_overlap() -> None:
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen: list[set[int]] = []

    def first() -> None:
        with blas.one_thread():
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()

    def second() -> None:
        first_is_in.wait(10)
        with blas.one_thread():
            second_is_in.set()
            first_is_out.wait(10)
            seen.append(blas_threads())

    before = blas_threads()
    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{1}]
    assert blas_threads() == before


def test_asked_again_inside_and_after_an_error() -> None:
    before = blas_threads()
    for _ in range(2):
        try:
            with blas.one_thread(), blas.one_thread():
                assert blas_threads() == {1}
                raise KeyError
        except KeyError:
            assert blas_threads() == before
