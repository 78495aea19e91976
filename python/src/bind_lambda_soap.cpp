// λ-SOAP of the environments of one structure.
#include "ufp/lambda_soap.hpp"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings.hpp"
#include "parallel_loop.hpp"
#include "structure_input.hpp"
#include "ufp/clebsch_gordan.hpp"
#include "ufp/harmonics.hpp"

namespace py = pybind11;

namespace
{

using ufp::LambdaSoap;
using ufp::LambdaSoapSpec;
using Periodic = std::array<bool, 3>;

py::array_t<double> array(std::vector<py::ssize_t> shape)
{
  return py::array_t<double>(std::move(shape));
}

// Densities of every centre in parallel, handed to `use(k, densities)`; an exception ends the loop.
template <class Use> void for_each_density(const LambdaSoap &soap, const StructureInput &input, int threads, Use use)
{
  ufp::ImageList images;
  images.build(input.atoms, soap.spec().species, soap.spec().cutoff);
  const auto size = static_cast<std::size_t>(soap.channels() * soap.components());
  parallel_loop(input.centres.size(), team_size(threads), [&] {
    return [&, buffer = ufp::EnvironmentBuffer(), densities = std::vector<double>(size),
            scratch = std::vector<double>(soap.scratch_size())](std::size_t k) mutable {
      soap.densities(images.find(input.centres[k], buffer), densities.data(), scratch.data());
      use(k, densities);
    };
  });
}

py::array_t<double> densities(const LambdaSoap &soap, const Integers &species, const Doubles &positions,
                              const Doubles &cell, const Periodic &periodic, const Integers &centres, int threads)
{
  const StructureInput input(species, positions, cell, periodic, centres, soap.spec().species);
  py::array_t<double> out = array({centres.size(), soap.channels(), soap.components()});
  double *rows = out.mutable_data();
  const py::gil_scoped_release released;
  for_each_density(soap, input, threads, [rows](std::size_t k, const std::vector<double> &c) {
    std::copy(c.begin(), c.end(), rows + k * c.size());
  });
  return out;
}

py::array_t<double> features(const LambdaSoap &soap, const Integers &species, const Doubles &positions,
                             const Doubles &cell, const Periodic &periodic, const Integers &centres, int lambda,
                             const Integers &list, bool weighted, int threads)
{
  const StructureInput input(species, positions, cell, periodic, centres, soap.spec().species);
  const ufp::FeatureContraction contraction(soap.spec(), lambda, feature_rows(list), weighted);
  py::array_t<double> out = array({centres.size(), 2 * lambda + 1, list.shape(0)});
  double *rows = out.mutable_data();
  const std::size_t size = static_cast<std::size_t>(2 * lambda + 1) * contraction.size();
  const py::gil_scoped_release released;
  for_each_density(soap, input, threads, [&](std::size_t k, const std::vector<double> &c) {
    contraction.evaluate(c.data(), rows + k * size);
  });
  return out;
}

// The tabulated f_c u I_nl(r), (distances, l_max + 1, n_max); 0 from the cutoff on.
py::array_t<double> radial(const LambdaSoap &soap, const Doubles &distances)
{
  py::array_t<double> out = array({distances.size(), soap.spec().l_max + 1, soap.spec().n_max});
  const auto width = static_cast<std::size_t>(soap.table().width());
  for (std::size_t k = 0; k < static_cast<std::size_t>(distances.size()); ++k) {
    const double r = distances.data()[k];
    double *row = out.mutable_data() + k * width;
    if (r < soap.spec().cutoff)
      soap.table().evaluate(r, row);
    else
      std::fill_n(row, width, 0.0);
  }
  return out;
}

py::array_t<double> real_harmonics(int l_max, const Doubles &vectors)
{
  if (vectors.ndim() != 2 || vectors.shape(1) != 3)
    throw ufp::DomainError("expected vectors of shape (n, 3), found " + shape_of(vectors));
  if (l_max < 0 || l_max > ufp::largest_l)
    throw ufp::DomainError("expected l_max from 0 to " + std::to_string(ufp::largest_l) + ", found " +
                           std::to_string(l_max));
  const std::vector<double> norms = ufp::harmonics_norms(l_max);
  const int width = ufp::harmonics_count(l_max);
  py::array_t<double> out = array({vectors.shape(0), width});
  for (py::ssize_t k = 0; k < vectors.shape(0); ++k) {
    const double *v = vectors.data() + 3 * k, r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    ufp::real_harmonics(l_max, norms.data(), v[0] / r, v[1] / r, v[2] / r, out.mutable_data() + k * width);
  }
  return out;
}

py::array_t<double> clebsch_gordan(int l1, int l2, int lambda)
{
  if (std::min(l1, l2) < 0 || std::max(l1, l2) > ufp::largest_l || !ufp::couples(l1, l2, lambda))
    throw ufp::DomainError("expected l1 and l2 from 0 to " + std::to_string(ufp::largest_l) +
                           " that couple to λ with l1 + l2 + λ even, found " + std::to_string(l1) + ", " +
                           std::to_string(l2) + " and λ = " + std::to_string(lambda));
  py::array_t<double> out = array({2 * l1 + 1, 2 * l2 + 1, 2 * lambda + 1});
  std::fill_n(out.mutable_data(), out.size(), 0.0);
  for (const ufp::Coupling &c : ufp::clebsch_gordan(l1, l2, lambda)) out.mutable_at(c.m1, c.m2, c.mu) = c.value;
  return out;
}

}  // namespace

void bind_lambda_soap(py::module_ &m)
{
  py::class_<LambdaSoapSpec>(m, "LambdaSoapSpec")
      .def(py::init([](const std::string &basis, double cutoff, double width, double sigma, int n_max, int l_max,
                       int species, double centre_weight, const std::optional<std::array<double, 2>> &scaling,
                       int intervals) {
             LambdaSoapSpec spec{basis, cutoff, width, sigma, n_max, l_max, species, centre_weight, {}, intervals};
             if (scaling) spec.scaling = ufp::RadialScaling{(*scaling)[0], (*scaling)[1]};
             return spec;
           }),
           py::arg("basis"), py::arg("cutoff"), py::arg("width"), py::arg("sigma"), py::arg("n_max"), py::arg("l_max"),
           py::arg("species"), py::arg("centre_weight") = 1.0, py::arg("scaling") = py::none(),
           py::arg("intervals") = LambdaSoapSpec{}.intervals,
           "Radial basis 'gto' or 'laplacian'; cutoff, width and sigma in Å; species is their number; scaling is\n"
           "(r0 in Å, exponent) or None; intervals of the radial table per sigma.")
      .def_readonly("basis", &LambdaSoapSpec::basis)
      .def_readonly("cutoff", &LambdaSoapSpec::cutoff)
      .def_readonly("width", &LambdaSoapSpec::width)
      .def_readonly("sigma", &LambdaSoapSpec::sigma)
      .def_readonly("n_max", &LambdaSoapSpec::n_max)
      .def_readonly("l_max", &LambdaSoapSpec::l_max)
      .def_readonly("species", &LambdaSoapSpec::species)
      .def_readonly("centre_weight", &LambdaSoapSpec::centre_weight)
      .def_readonly("intervals", &LambdaSoapSpec::intervals)
      .def_property_readonly("scaling", [](const LambdaSoapSpec &spec) -> py::object {
        if (!spec.scaling) return py::none();
        return py::make_tuple(spec.scaling->r0, spec.scaling->exponent);
      });
  py::class_<LambdaSoap>(m, "LambdaSoap")
      .def(py::init<const LambdaSoapSpec &>(), py::arg("spec"), py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("spec", &LambdaSoap::spec)
      .def_property_readonly("channels", &LambdaSoap::channels)
      .def("densities", &densities, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("periodic"),
           py::arg("centres"), py::arg("threads") = 0,
           "Densities (centres, channels, (l_max + 1)^2); channel q = species * n_max + n, component l*l + l + m.")
      .def("features", &features, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("periodic"),
           py::arg("centres"), py::arg("lam"), py::arg("feature_list"), py::arg("weighted") = true,
           py::arg("threads") = 0,
           "Features (centres, 2 lam + 1, features) of rows l1 l2 q1 q2; weighted: √2 unless l1 = l2 and q1 = q2.")
      .def("radial", &radial, py::arg("distances"),
           "Tabulated radial functions with cutoff and scaling, (distances, l_max + 1, n_max).");
  m.def("real_harmonics", &real_harmonics, py::arg("l_max"), py::arg("vectors"),
        "Real spherical harmonics (n, (l_max + 1)^2) of the directions of vectors (n, 3), component l*l + l + m.");
  m.def("clebsch_gordan", &clebsch_gordan, py::arg("l1"), py::arg("l2"), py::arg("lam"),
        "Clebsch-Gordan coefficients (2 l1 + 1, 2 l2 + 1, 2 lam + 1) between real spherical harmonics.");
}
