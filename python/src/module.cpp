#include "bindings.hpp"

#include "ufp/error.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace
{

int threads()
{
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

}  // namespace

PYBIND11_MODULE(_core, m)
{
  m.doc() = "Kernels of ufpnmr; the public interface is the Python package.";
  pybind11::register_exception<ufp::ParseError>(m, "ParseError", PyExc_ValueError);
  pybind11::register_exception<ufp::DomainError>(m, "DomainError", PyExc_ValueError);
  bind_efg(m);
  bind_polarisable(m);
  m.def("threads", &threads, "Number of OpenMP threads a kernel uses unless told otherwise.");
  bind_cell_list(m);
  bind_potential(m);
  bind_features(m);
  bind_lambda_soap(m);
  bind_efg_predictor(m);
  bind_dynamics(m);
  bind_trajectory(m);
  bind_structure(m);
}
