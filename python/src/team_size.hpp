// Threads of a parallel region.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

// 0 is as many as OpenMP has.
inline int team_size(int threads)
{
#ifdef _OPENMP
  return threads > 0 ? threads : omp_get_max_threads();
#else
  static_cast<void>(threads);
  return 1;
#endif
}
