#include <pybind11/numpy.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "structure_input.hpp"
#include "ufp/error.hpp"
#include "ufp/point_charges.hpp"
#include "ufp/quadrupole.hpp"

namespace py = pybind11;

namespace
{

using Indices = py::array_t<py::ssize_t, py::array::c_style | py::array::forcecast>;

ufp::Cell cell_of(const Doubles &cell)
{
  if (cell.ndim() != 2 || cell.shape(0) != 3 || cell.shape(1) != 3)
    throw ufp::DomainError("expected a cell of shape (3, 3), found " + shape_of(cell));
  ufp::Cell result{};
  for (std::size_t d = 0; d < 3; ++d)
    for (std::size_t a = 0; a < 3; ++a)
      result[d][a] = cell.at(static_cast<py::ssize_t>(d), static_cast<py::ssize_t>(a));
  return result;
}

py::array_t<double> point_charge_efg(const Doubles &cell, const Doubles &positions, const Doubles &charges,
                                     const Indices &centres, double alpha, double tolerance)
{
  const ufp::Cell box = cell_of(cell);
  if (positions.ndim() != 2 || positions.shape(1) != 3)
    throw ufp::DomainError("expected positions of shape (atoms, 3), found " + shape_of(positions));
  if (charges.ndim() != 2 || charges.shape(1) != positions.shape(0))
    throw ufp::DomainError("expected charges of shape (sets, " + std::to_string(positions.shape(0)) + "), found " +
                           shape_of(charges));
  if (centres.ndim() != 1) throw ufp::DomainError("expected a list of centres, found shape " + shape_of(centres));
  const auto n_atoms = static_cast<std::size_t>(positions.shape(0));
  std::vector<std::size_t> indices;
  for (py::ssize_t n = 0; n < centres.size(); ++n) {
    const py::ssize_t i = centres.at(n);
    if (i < 0 || i >= positions.shape(0))
      throw ufp::DomainError("expected centres from 0 to " + std::to_string(positions.shape(0) - 1) + ", found " +
                             std::to_string(i));
    indices.push_back(static_cast<std::size_t>(i));
  }
  py::array_t<double> efg(std::vector<py::ssize_t>{centres.size(), charges.shape(0), 6});
  const double *x = positions.data(), *q = charges.data();
  double *v = efg.mutable_data();
  const auto n_sets = static_cast<std::size_t>(charges.shape(0));
  {
    const py::gil_scoped_release release;
    const ufp::EwaldSplit split =
        alpha > 0 ? ufp::split_at(alpha, tolerance) : ufp::balanced_split(box, n_atoms, indices.size(), tolerance);
    ufp::PointChargeSum().evaluate(box, n_atoms, x, n_sets, q, indices.size(), indices.data(), split, v);
  }
  return efg;
}

}  // namespace

void bind_efg(py::module_ &m)
{
  m.def(
      "point_charge_efg", &point_charge_efg, py::arg("cell"), py::arg("positions"), py::arg("charges"),
      py::arg("centres"), py::arg("alpha") = 0.0, py::arg("tolerance") = 1e-8,
      "Ewald sum of field gradients, e/Å³, shape (centres, sets, 6): xx yy zz xy xz yz; the trace is kept.\n\n"
      "cell (3, 3) Å, positions (atoms, 3) Å, charges (sets, atoms) e. alpha = 0 chooses the division of least work.");
  m.def(
      "quadrupolar_isotopes",
      [] {
        py::dict out;
        for (const ufp::Isotope &isotope : ufp::quadrupolar_isotopes())
          out[isotope.name.c_str()] = py::make_tuple(isotope.spin, isotope.moment, ufp::coupling_khz(isotope.moment));
        return out;
      },
      "Name to (spin, quadrupole moment in mb, eQ/h in kHz per V/Å²): the table that compute efg/atom uses.");
}
