#include "bindings.hpp"

#include "ufp/error.hpp"

PYBIND11_MODULE(_core, m)
{
  m.doc() = "Kernels of ufpnmr; the public interface is the Python package.";
  pybind11::register_exception<ufp::ParseError>(m, "ParseError", PyExc_ValueError);
  pybind11::register_exception<ufp::DomainError>(m, "DomainError", PyExc_ValueError);
  bind_efg(m);
}
