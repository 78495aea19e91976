// The model file that Python wrote: values, the model's own check environments, refusals and damage.
#include "ufp/efg_model.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

#include "check.hpp"
#include "damage.hpp"
#include "ufp/crc32.hpp"
#include "ufp/error.hpp"

namespace
{

std::string stored()
{
  std::ifstream file(UFP_TEST_DATA "/point_charges_v1.efg", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(std::string &bytes, std::size_t at, std::uint64_t value, std::size_t width)
{
  for (std::size_t k = 0; k < width; ++k) bytes[at + k] = static_cast<char>(value >> 8 * k & 0xFF);
}

std::size_t header_length(const std::string &bytes)
{
  std::size_t length = 0;
  for (std::size_t k = 4; k-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[16 + k]);
  return length;
}

// The same file with another header of at most the same length, whose checksum is right.
std::string with_header(std::string bytes, std::string header)
{
  const std::size_t room = header_length(bytes);
  header.resize(std::max(room, header.size()), ' ');
  if (header.size() > room) header.resize(room);
  bytes.replace(32, room, header);
  put(bytes, 24, ufp::crc32(&bytes[32], room), 4);
  return bytes;
}

std::string header_of(const std::string &bytes)
{
  return bytes.substr(32, header_length(bytes));
}

// The header loses the training record, which makes room for a longer one.
std::string edited(const std::string &what, const std::string &by)
{
  const std::string bytes = stored();
  std::string header = header_of(bytes);
  const std::size_t training = header.find("\"training\""), error = header.find("\"error\"");
  header.erase(training, error - training);
  const std::size_t at = header.find(what);
  CHECK(at != std::string::npos);
  header.replace(at, what.size(), by);
  return with_header(bytes, header);
}

std::string refusal(const std::string &bytes)
{
  try {
    ufp::read_efg_model(bytes);
  } catch (const ufp::DomainError &error) {
    return error.what();
  }
  return "";
}

void refuses(const std::string &bytes, const std::string &message)
{
  const std::string found = refusal(bytes);
  if (found.find(message) == std::string::npos)
    std::fprintf(stderr, "expected '%s', found '%s'\n", message.c_str(), found.c_str());
  CHECK(found.find(message) != std::string::npos);
}

void checksum()
{
  CHECK(ufp::crc32("123456789", 9) == 0xCBF43926u);  // the check value of the standard
  CHECK(ufp::crc32("", 0) == 0);
}

void values()
{
  const ufp::EfgModel model = ufp::read_efg_model(stored());
  CHECK((model.species == std::vector<std::string>{"Li", "P", "S"}));
  CHECK((model.centres == std::vector<std::string>{"Li"}));
  CHECK(model.species_of("S") == 2 && model.species_of("Na") == -1);
  CHECK(model.is_centre(0) && !model.is_centre(2) && !model.is_centre(-1));
  CHECK(model.arrays.spec.cutoff == 4.5 && model.arrays.spec.n_max == 4 && model.arrays.spec.l_max == 3);
  CHECK(model.arrays.spec.scaling->r0 == 3 && model.arrays.spec.scaling->exponent == 4);
  CHECK(model.arrays.zeta == 2 && model.arrays.features.size() == 20 && model.arrays.invariants.size() == 12);
  CHECK(model.arrays.members.size() == 1 && model.arrays.members[0].size() == 240);
  CHECK(model.checks.size() == 8);
  CHECK_CLOSE(model.label_scale, 0.849883776011325, 0);
  CHECK(model.title == "Point charges" && model.code == "ufpnmr 0.1.0");
}

// What Python computed for its check environments, to which the weights, the features and their order all contribute.
void predicts_what_python_predicted()
{
  const ufp::EfgModel model = ufp::read_efg_model(stored());
  for (const ufp::Simd simd : ufp::simd_available()) {
    const ufp::EfgPredictor full(model.arrays, ufp::Precision::full, simd),
        single(model.arrays, ufp::Precision::single, simd);
    CHECK_CLOSE(ufp::deviation(full, model.checks), 0, 1e-12 * model.label_scale);
    const double off = ufp::deviation(single, model.checks);
    CHECK(off > 0);
    CHECK_CLOSE(off, 0, 1e-5 * model.label_scale);
  }
}

void refusals()
{
  const std::string whole = stored();
  refuses("", "expected an EFG model, found another format");
  refuses("#UF3 POT UNITS: metal\n" + std::string(100, ' '), "expected an EFG model, found another format");
  std::string bytes = whole;
  put(bytes, 8, 2, 4);
  refuses(bytes, "format version 2; this ufpnmr reads versions up to 1; install a newer one");
  bytes = whole;
  put(bytes, 12, 0x04030201, 4);
  refuses(bytes, "expected the endianness mark 0x01020304, found 0x04030201; the file is damaged");
  bytes = whole;
  bytes[100] ^= 1;
  refuses(bytes, "the checksum of the header is wrong; the file is damaged or cut, copy it again");
  bytes = whole;
  bytes[7488 + 100] ^= 1;
  refuses(bytes, "coefficients: the checksum is wrong; the file is damaged, copy it again");
  refuses(whole.substr(0, 1000), "the checksum of the header is wrong");
  refuses(whole.substr(0, whole.size() - 200), "check_expected: expected more bytes than the ");
  put(bytes = whole, 16, ~std::uint64_t{0}, 8);
  refuses(bytes, "the checksum of the header is wrong");

  refuses(edited("\"required\": [", "\"required\": [\"spin\", \"gauge\", "),
          "requires spin, gauge, which this ufpnmr does not understand; install a newer one");
  CHECK(refusal(edited("\"error\"", "\"something new\": {\"x\": [1]}, \"error\"")).empty());
  refuses(edited("\"unit\": \"V/Ang^2\", \"definition\"", "\"unit\": \"au\", \"definition\""),
          "expected a model of the property efg");
  refuses(edited("\"rank\": 2", "\"rank\": 0"), "expected a model of the property efg");
  refuses(edited("\"cutoff\": 4.5", "\"cutoff\": \"4.5\""), "cutoff: expected a number, found a string");
  refuses(edited("\"cutoff\": 4.5", "\"cut\": 4.5"), "descriptor: expected an entry cutoff, found none");
  refuses(edited("\"species\": [\"Li\", \"P\"", "\"species\": [\"Li\", \"Li\""),
          "expected different species, found Li, Li, S");
  refuses(edited("\"centres\": [\"Li\"]", "\"centres\": [\"Na\"]"), "centre Na: expected one of Li, P, S");
  refuses(edited("\"zeta\": 2", "\"zeta\": 1"), "coefficients: expected shape (1, 20), found (12, 20)");
  refuses(edited("\"zeta\": 2", "\"zeta\": 3"), "expected an array active, found none");
  refuses(edited("\"zeta\": 2", "\"zeta\": 1e9"), "zeta: expected a whole number from 1 to 16");
  refuses(edited("\"weighted\": true", "\"weighted\": false"), "the model was made elsewhere");
  refuses(edited("\"tensors\": 2.4865847563703434", "\"tensors\": null"), "predict with `ufp efg predict`");
  refuses(edited("\"<f8\"", "\"<f4\""), "coefficients: expected one of <f8, <i4, <i8, found <f4");
  refuses(edited("\"shape\": [12, 20]", "\"shape\": [12, -20]"), "shape: expected a whole number from 0 to");
  refuses(edited("\"shape\": [12, 20]", "\"shape\": [9007199254740992, 9007199254740992]"),
          "coefficients: expected more bytes than the ");
}

// Point charges are molecules without bonds.
void charges_beneath()
{
  CHECK(!ufp::read_efg_model(stored()).baseline);
  const ufp::EfgModel model = ufp::read_efg_model(edited("\"charges\": {}", "\"charges\": {\"S\": -2.5, \"Na\": 1.0}"));
  CHECK(model.baseline && model.baseline->name == "point charges" && model.baseline->spec.bonds.empty());
  CHECK((model.baseline->spec.charges == std::vector<double>{0, 0, -2.5}));
  CHECK((model.baseline->species == std::vector<int>{0, 1, 2}));
  CHECK(model.baseline->coefficients.size() == 3);
  CHECK_CLOSE(model.baseline->coefficients[2], -2.5 * 14.399645, 1e-5);
}

// The shipped model, and what is wrong with one like it.
void molecules_beneath()
{
  std::ifstream file(UFP_TEST_DATA "/../../inputs/lps/LPS.efg", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const ufp::EfgModel model = ufp::read_efg_model(whole);
  CHECK(model.baseline && model.baseline->name == "polarisable molecules (P-S)");
  const ufp::PolarisableSpec &spec = model.baseline->spec;
  CHECK(spec.bonds.size() == 1 && spec.bonds[0].centre == 1 && spec.bonds[0].ligand == 2);
  CHECK(spec.charges.size() == 3 && spec.splines == 8 && spec.surroundings == 4 && spec.kernel.points.size() == 200);
  CHECK(model.baseline->coefficients.size() == ufp::polarisable_columns(spec));

  const auto with = [&](const std::string &what, const std::string &by) {
    std::string header = header_of(whole);
    const std::size_t training = header.find("\"training\"");
    header.erase(training, header.find("\"error\"", training) - training);
    const std::size_t entry = header.find("\"polarisable\""), at = header.find(what, entry);
    CHECK(at != std::string::npos);
    header.replace(at, what.size(), by);
    return with_header(whole, header);
  };
  refuses(with("\"version\": 2", "\"version\": 3"), "polarisable: version 3; this ufpnmr reads versions up to 2");
  refuses(with("\"centre\": \"P\"", "\"centre\": \"X\""), "polarisable: expected bonds between its species, found X");
  refuses(with("\"splines\": 8", "\"splines\": 7"), "polarisable: expected ");
  refuses(with("\"first\": 1.5", "\"first\": 9.5"), "expected splines from a distance above 0 to a larger cutoff");
  refuses(with("\"field_charges\": [", "\"field_charges\": [0,"), "field_charges: expected 3, found 4");
  refuses(with("\"points\": [[", "\"points\": [[0,"), "expected 8 invariants, found 9");
  refuses(with("\"kind\": [0, 0", "\"kind\": [0, 1"), "kernel of pairs: expected references ordered by kind");
  Damage damaged(6);
  const std::vector<std::string> pieces{"null", "-", "0", "1e5", "[", "]", ",", "9"};
  const std::string header = header_of(whole);
  const std::size_t begin = header.find("\"polarisable\""), end = header.find("\"features\"");
  int accepted = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string changed =
        header.substr(0, begin) + damaged(header.substr(begin, end - begin), pieces) + header.substr(end);
    if (changed.size() <= header.size()) accepted += refusal(with_header(whole, changed)).empty();
  }
  CHECK(accepted < 300);
}

// Damaged files, those with right checksums included, end in a message or in a model that can be evaluated.
void damage()
{
  const std::string whole = stored(), header = header_of(whole);
  const std::vector<std::string> pieces{"null", "true", "-", "0", "9",  "1e5", "[",
                                        "]",    "{",    "}", ",", "\"", "NaN", "x"};
  Damage damaged(5);
  int accepted = 0, evaluated = 0;
  for (int round = 0; round < 1500; ++round) refusal(damaged(whole, pieces));
  for (int round = 0; round < 2500; ++round) {
    const std::string changed = damaged(header, pieces);
    const std::string bytes = changed.size() <= header.size() ? with_header(whole, changed)
                                                              : with_header(whole, changed.substr(0, header.size()));
    try {
      const ufp::EfgModel model = ufp::read_efg_model(bytes);
      ++accepted;
      if (model.arrays.spec.cutoff > 20) continue;  // images of tiny cells: slow, not wrong
      std::string warning;
      ufp::checked_predictor(model.arrays, ufp::Precision::full, ufp::Simd::baseline, model.checks, model.label_scale,
                             warning);
      ++evaluated;
    } catch (const ufp::DomainError &) {
    }
  }
  std::printf("%d of 2500 damaged headers accepted, %d evaluated\n", accepted, evaluated);
  CHECK(accepted > 20 && evaluated > 10 && accepted < 2000);
}

}  // namespace

int main()
{
  checksum();
  values();
  predicts_what_python_predicted();
  refusals();
  charges_beneath();
  molecules_beneath();
  damage();
}
