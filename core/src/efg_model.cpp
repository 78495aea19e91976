#include "ufp/efg_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "efg_baseline.hpp"
#include "efg_model_file.hpp"
#include "ufp/error.hpp"

namespace ufp
{
namespace
{

constexpr long long most = 1LL << 31;

[[noreturn]] void refuse(const std::string &message)
{
  throw DomainError(message);
}

std::string joined(const std::vector<std::string> &words)
{
  std::string out;
  for (const std::string &word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string shape_text(const std::vector<std::size_t> &shape)
{
  std::string out = "(";
  for (const std::size_t side : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(side);
  return out + ")";
}

void check_property(const Json &property)
{
  if (property.at("name").string() != "efg" || property.at("rank").number() != 2 ||
      property.at("unit").string() != "V/Ang^2" || property.at("definition").string() != "V_ab = d2 phi / dx_a dx_b")
    refuse("expected a model of the property efg, V_ab = d2 phi / dx_a dx_b in V/Ang^2, found " +
           property.at("name").string() + ", " + property.at("definition").string() + " in " +
           property.at("unit").string());
}

double positive(const Json &value)
{
  const double x = value.number();
  if (!(x > 0 && std::isfinite(x))) refuse(value.key() + ": expected a number above 0, found " + std::to_string(x));
  return x;
}

LambdaSoapSpec descriptor_of(const Json &entry, std::vector<std::string> &species)
{
  species = entry.at("species").strings();
  if (species.empty() || std::set<std::string>(species.begin(), species.end()).size() != species.size())
    refuse("expected different species, found " + (species.empty() ? "none" : joined(species)));
  LambdaSoapSpec spec;
  spec.basis = entry.at("basis").string();
  spec.cutoff = entry.at("cutoff").number();
  spec.width = entry.at("width").number();
  spec.sigma = entry.at("sigma").number();
  spec.n_max = static_cast<int>(entry.at("n_max").integer(1, 24));
  spec.l_max = static_cast<int>(entry.at("l_max").integer(0, 8));
  spec.species = static_cast<int>(species.size());
  spec.centre_weight = entry.at("centre_weight").number();
  spec.intervals = static_cast<int>(entry.at("intervals").integer(4, 2000));
  const Json &scaling = entry.at("scaling");
  if (scaling.kind() != Json::Kind::null) {
    const std::vector<double> values = scaling.numbers();
    if (values.size() != 2) refuse("scaling: expected r0 and an exponent, found " + std::to_string(values.size()));
    spec.scaling = RadialScaling{values[0], values[1]};
  }
  return spec;
}

std::vector<Feature> features_of(const Json &entry)
{
  std::vector<Feature> out;
  for (const Json &row : entry.at("l1 l2 q1 q2").items()) {
    if (row.items().size() != 4) refuse(entry.key() + ": expected rows of l1 l2 q1 q2");
    Feature feature{};
    for (std::size_t k = 0; k < 4; ++k) feature[k] = static_cast<int>(row.items()[k].integer(0, most - 1));
    out.push_back(feature);
  }
  return out;
}

// What only the explicit features of the Python package know.
void check_evaluable(const Json &header, const EfgModelFile &file)
{
  bool plain = header.at("normalisation").at("tensors").kind() != Json::Kind::null;
  for (const Json &features : header.at("features").members())
    plain = plain && features.at("weighted").boolean() && !file.has(features.key() + "_mixing");
  if (!plain)
    refuse(
        "the model was made elsewhere, with mixed, doubly counted or individually normalised features, which the "
        "compiled kernel does not know; dump the positions and predict with `ufp efg predict`, or train a model with "
        "`ufp efg fit`");
}

void read_coefficients(const EfgModelFile &file, double unit, EfgModelArrays &arrays)
{
  const std::size_t q0 = arrays.invariants.size(), q2 = arrays.features.size();
  std::size_t rows = arrays.zeta == 1 ? 1 : q0;
  if (arrays.zeta > 2) {
    const std::vector<std::size_t> shape = file.shape("active");
    if (shape.size() != 2 || shape[1] != q0)
      refuse("active: expected " + std::to_string(q0) + " invariants each, found the shape " + shape_text(shape));
    rows = shape[0];
    const std::vector<double> active = file.doubles("active");
    arrays.active_count = rows;
    arrays.active.resize(active.size());
    for (std::size_t j = 0; j < rows; ++j)
      for (std::size_t q = 0; q < q0; ++q) arrays.active[q * rows + j] = active[j * q0 + q];
  }
  const std::vector<std::size_t> shape = file.shape("coefficients"), expected{rows, q2};
  if (shape != expected)
    refuse("coefficients: expected shape " + shape_text(expected) + ", found " + shape_text(shape));
  arrays.members = {file.doubles("coefficients")};
  for (double &weight : arrays.members[0]) weight *= unit;
}

std::vector<EfgCheck> checks_of(const EfgModelFile &file, int species)
{
  const std::vector<Json> &periodic = file.header().at("checks").at("periodic").items();
  const auto structure = file.integers("check_structure"), types = file.integers("check_types"),
             centres = file.integers("check_centres");
  const auto positions = file.doubles("check_positions"), cells = file.doubles("check_cell"),
             expected = file.doubles("check_expected");
  const std::size_t atoms = structure.size();
  if (types.size() != atoms || positions.size() != 3 * atoms || cells.size() != 9 * periodic.size() ||
      expected.size() != 6 * centres.size())
    refuse("the check environments have arrays of different lengths");
  if (centres.empty()) refuse("expected check environments, found none");
  std::vector<EfgCheck> out;
  for (std::size_t k = 0; k < centres.size(); ++k) {
    if (centres[k] < 0 || static_cast<std::size_t>(centres[k]) >= atoms)
      refuse("check_centres: expected atoms 0 to " + std::to_string(atoms - 1) + ", found " +
             std::to_string(centres[k]));
    const auto centre = static_cast<std::size_t>(centres[k]);
    const long long mine = structure[centre];
    if (mine < 0 || static_cast<std::size_t>(mine) >= periodic.size())
      refuse("check_structure: expected structures 0 to " + std::to_string(periodic.size() - 1) + ", found " +
             std::to_string(mine));
    const auto number = static_cast<std::size_t>(mine);
    EfgCheck check;
    for (std::size_t i = 0; i < atoms; ++i) {
      if (structure[i] != mine) continue;
      if (types[i] < 0 || types[i] >= species)
        refuse("check_types: expected species 0 to " + std::to_string(species - 1) + ", found " +
               std::to_string(types[i]));
      if (i == centre) check.centre = check.species.size();
      check.species.push_back(static_cast<int>(types[i]));
      check.positions.insert(check.positions.end(), &positions[3 * i], &positions[3 * i] + 3);
    }
    std::copy_n(&expected[6 * k], 6, check.expected.begin());
    std::copy_n(&cells[9 * number], 9, check.cell.begin());
    const std::vector<Json> &flags = periodic[number].items();
    if (flags.size() != 3) refuse("periodic: expected three flags, found " + std::to_string(flags.size()));
    for (std::size_t d = 0; d < 3; ++d) check.periodic[d] = flags[d].boolean();
    out.push_back(std::move(check));
  }
  return out;
}

std::string text_of(const Json *parent, const std::string &key)
{
  if (!parent || parent->kind() != Json::Kind::object) return "";
  const Json *const entry = parent->find(key);
  return entry && entry->kind() == Json::Kind::string ? entry->string() : "";
}

}  // namespace

int EfgModel::species_of(const std::string &element) const
{
  const auto found = std::find(species.begin(), species.end(), element);
  return found == species.end() ? -1 : static_cast<int>(found - species.begin());
}

bool EfgModel::is_centre(int number) const
{
  return number >= 0 &&
         std::find(centres.begin(), centres.end(), species[static_cast<std::size_t>(number)]) != centres.end();
}

EfgModel read_efg_model(const std::string &bytes)
{
  const EfgModelFile file(bytes);
  const Json &header = file.header();
  check_property(header.at("property"));
  check_evaluable(header, file);
  EfgModel model;
  model.arrays.spec = descriptor_of(header.at("descriptor"), model.species);
  model.centres = header.at("centres").strings();
  if (model.centres.empty()) refuse("expected at least one centre species, found none");
  for (const std::string &centre : model.centres)
    if (model.species_of(centre) < 0) refuse("centre " + centre + ": expected one of " + joined(model.species));
  model.arrays.zeta = static_cast<int>(header.at("zeta").integer(1, 16));
  model.arrays.features = features_of(header.at("features").at("tensors"));
  model.arrays.invariants = features_of(header.at("features").at("invariants"));
  model.label_scale = positive(header.at("label").at("scale"));
  read_coefficients(file, header.at("normalisation").at("tensors").number() * model.label_scale, model.arrays);
  model.baseline = read_efg_baseline(file, model.species);
  model.checks = checks_of(file, model.arrays.spec.species);
  model.title = text_of(header.find("training"), "title");
  model.code = text_of(&header, "code");
  return model;
}

}  // namespace ufp
