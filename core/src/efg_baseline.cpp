#include "efg_baseline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ufp/error.hpp"

namespace ufp
{
namespace
{

constexpr double coulomb =
    27.211386245981 * 0.529177210544;    // e/Å³ in V/Å²: Hartree in eV times Bohr in Å, CODATA 2022
constexpr long long newest_version = 2;  // 1 has neither surroundings nor kernel

[[noreturn]] void refuse(const std::string &message)
{
  throw DomainError("polarisable: " + message);
}

int place_of(const std::string &element, const std::vector<std::string> &species)
{
  const auto found = std::find(species.begin(), species.end(), element);
  return found == species.end() ? -1 : static_cast<int>(found - species.begin());
}

int known(const std::string &element, const std::vector<std::string> &species)
{
  const int place = place_of(element, species);
  if (place < 0) refuse("expected bonds between its species, found " + element);
  return place;
}

PairInvariants invariants(const Json &entry)
{
  const std::vector<double> values = entry.numbers();
  if (values.size() != pair_invariants)
    refuse("expected " + std::to_string(pair_invariants) + " invariants, found " + std::to_string(values.size()));
  PairInvariants out{};
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

InvariantKernelSpec kernel_of(const Json &entry)
{
  InvariantKernelSpec kernel;
  kernel.cutoff = entry.at("cutoff").number();
  kernel.scale = invariants(entry.at("scale"));
  for (const Json &kind : entry.at("kind").items())
    kernel.kind.push_back(static_cast<int>(kind.integer(0, std::numeric_limits<int>::max())));
  for (const Json &point : entry.at("points").items()) kernel.points.push_back(invariants(point));
  return kernel;
}

// Point charges, those of elements that are not named being zero.
EfgBaseline charges_of(const Json &charges, const std::vector<std::string> &species)
{
  EfgBaseline out;
  out.name = "point charges";
  out.spec.charges.assign(species.size(), 0.0);
  for (const Json &charge : charges.members()) {
    const int place = place_of(charge.key(), species);
    if (place >= 0) out.spec.charges[static_cast<std::size_t>(place)] = charge.number();
  }
  out.coefficients = out.spec.charges;
  for (std::size_t s = 0; s < species.size(); ++s) out.species.push_back(static_cast<int>(s));
  return out;
}

EfgBaseline molecules_of(const Json &entry, const std::vector<double> &coefficients,
                         const std::vector<std::string> &species)
{
  if (entry.at("version").integer(1, std::numeric_limits<int>::max()) > newest_version)
    refuse("version " + std::to_string(static_cast<long long>(entry.at("version").number())) +
           "; this ufpnmr reads versions up to " + std::to_string(newest_version) + "; install a newer one");
  EfgBaseline out;
  const std::vector<std::string> elements = entry.at("species").strings();
  std::string names;
  for (const Json &bond : entry.at("bonds").items()) {
    const std::string centre = bond.at("centre").string(), ligand = bond.at("ligand").string();
    out.spec.bonds.push_back(
        {known(centre, elements), known(ligand, elements), bond.at("cutoff").number(), bond.at("length").number()});
    names += (names.empty() ? "" : ", ") + centre + "-" + ligand;
  }
  out.name = "polarisable molecules (" + names + ")";
  out.spec.charges = entry.at("field_charges").numbers();
  if (out.spec.charges.size() != elements.size())
    refuse("field_charges: expected " + std::to_string(elements.size()) + ", found " +
           std::to_string(out.spec.charges.size()));
  out.spec.first = entry.at("first").number();
  out.spec.cutoff = entry.at("cutoff").number();
  out.spec.splines = static_cast<int>(entry.at("splines").integer(1, 64));
  if (const Json *const surroundings = entry.find("surroundings"))
    out.spec.surroundings = static_cast<int>(surroundings->integer(0, 64));
  if (const Json *const kernel = entry.find("kernel")) out.spec.kernel = kernel_of(*kernel);
  out.coefficients = coefficients;
  for (const std::string &element : species) out.species.push_back(place_of(element, elements));
  return out;
}

}  // namespace

std::optional<EfgBaseline> read_efg_baseline(const EfgModelFile &file, const std::vector<std::string> &species)
{
  const Json *const molecules = file.header().find("polarisable");
  const Json &charges = file.header().at("baseline").at("charges");
  if (!molecules && charges.members().empty()) return std::nullopt;
  EfgBaseline out = molecules ? molecules_of(*molecules, file.doubles("polarisable_coefficients"), species)
                              : charges_of(charges, species);
  const PolarisableModel model(out.spec);  // refuses one that means nothing
  const std::size_t columns = polarisable_columns(out.spec);
  if (out.coefficients.size() != columns)
    refuse("expected " + std::to_string(columns) + " coefficients, found " + std::to_string(out.coefficients.size()));
  if (!std::all_of(out.coefficients.begin(), out.coefficients.end(), [](double c) { return std::isfinite(c); }))
    refuse("expected coefficients that are finite");
  for (std::size_t k = 0; k < model.sources(); ++k) out.coefficients[k] *= coulomb;
  return out;
}

}  // namespace ufp
