// A parallel loop whose bodies may throw.
#pragma once

#include <cstddef>
#include <exception>
#include <string>

#include "team_size.hpp"
#include "ufp/error.hpp"

// Calls `body(k)` for k < count; every thread has a body of its own, `make()`, which holds its work space. What a body
// throws is thrown on as DomainError when all are done (one of them, if there are several).
template <class Make> void parallel_loop(std::size_t count, [[maybe_unused]] int team, const Make &make)
{
  std::string problem;
#ifdef _OPENMP
#pragma omp parallel num_threads(team)
#endif
  {
    auto body = make();
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
    for (std::size_t k = 0; k < count; ++k) {
      try {
        body(k);
      } catch (const std::exception &error) {
#ifdef _OPENMP
#pragma omp critical
#endif
        problem = error.what();
      }
    }
  }
  if (!problem.empty()) throw ufp::DomainError(problem);
}
