#include <cstdint>
#include <string>

#include "check.hpp"
#include "uf3_text.hpp"
#include "ufp/error.hpp"
#include "ufp/uf3_evaluate.hpp"
#include "ufp/uf3_potential.hpp"

namespace
{

void refuses(const std::string &text, const std::string &message, const std::vector<std::string> &elements = {})
{
  std::string found = "accepted";
  try {
    ufp::parse_uf3(text, "T.uf3", elements);
  } catch (const ufp::ParseError &error) {
    found = error.what();
  }
  if (found != message) {
    std::fprintf(stderr, "expected: %s\nfound:    %s\n", message.c_str(), found.c_str());
    std::exit(1);
  }
}

void refuses_change(const std::string &from, const std::string &to, const std::string &message)
{
  CHECK(tiny().find(from) != std::string::npos);
  refuses(replaced(tiny(), from, to), message);
}

void accepts()
{
  const ufp::Uf3Potential p = ufp::parse_uf3(tiny() + "#UFP ONEBODY Li -1.5\n#UFP TRAINED on nothing\n", "T.uf3");
  CHECK(p.pairs.size() == 1 && p.triplets.size() == 1);
  CHECK(p.pairs[0].coefficients[0] == 0.27);
  CHECK(p.triplets[0].knots[2].back() == 8.0);
  CHECK(p.triplets[0].cutoff[2] == 8.0);
  CHECK(p.onebody.size() == 1 && p.onebody[0].second == -1.5);
  CHECK(p.records.size() == 1 && p.records[0] == "#UFP TRAINED on nothing");
  CHECK(p.author == "synthetic" && p.date == "2025-01-01");
  // what was written is read back and written again, byte for byte
  CHECK(ufp::write_uf3(p) == tiny() + "#UFP ONEBODY Li -1.5\n#UFP TRAINED on nothing\n");

  ufp::parse_uf3("a remark\n\n" + tiny(), "T.uf3");
  ufp::parse_uf3(replaced(tiny(), "0.27 0.0 0.0 0.0", "0.27\n0.0 0.0\n\n0.0"), "T.uf3");  // wrapped
  ufp::parse_uf3(replaced(tiny(), "1.0 4.0 4.0 4.0 4.0", "1.0\n4.0 4.0 4.0 4.0"), "T.uf3");
  std::string crlf;
  for (const char c : tiny()) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  ufp::parse_uf3(crlf, "T.uf3");
  CHECK(ufp::parse_uf3(replaced(tiny(), "0 3 uk", "2 1 uk"), "T.uf3").pairs[0].lead == 2);
  const auto dict = ufp::parse_uf3(replaced(tiny(), "0 3 uk", "{2: 1, 3: 3} {2: 4, 3: 3} uk"), "T.uf3");
  CHECK(dict.pairs[0].lead == 1 && dict.pairs[0].trail == 4);
  CHECK(ufp::parse_uf3(replaced(tiny(), "0 3 uk", "0 3"), "T.uf3").pairs[0].kind == ufp::KnotKind::uniform);

  const std::string single = "#UF3 POT\n2B 0 3 nk\n4.0 8\n1 1 1 1 4 4 4 4\n4\n0.27 0 0 0\n#\n";
  CHECK(ufp::parse_uf3(single, "A_A", {"Li", "S"}).pairs[0].elements[1] == "S");
}

void rejects()
{
  refuses("", "T.uf3:1: expected a line '#UF3 POT UNITS: metal ...' and a block 2B or 3B, found end of file");
  refuses_change("UNITS: metal", "UNITS: real", "T.uf3:1: expected 'UNITS: metal', found 'UNITS: real'");
  refuses_change("UNITS: metal", "", "T.uf3:1: expected 'UNITS: metal', found no UNITS");
  refuses_change(
      "2B Li Li", "4B Li Li",
      "T.uf3:2: expected '2B El1 El2 LEAD TRAIL nk|uk' or '3B Centre J K LEAD TRAIL nk|uk', found '4B Li Li 0 "
      "3 uk'");
  refuses_change("0 3 uk", "0 3 xk", "T.uf3:2: expected '2B El1 El2 LEAD TRAIL nk|uk', found '2B Li Li 0 3 xk'");
  refuses_change("2B Li Li 0", "2B Li 0", "T.uf3:2: expected '2B El1 El2 LEAD TRAIL nk|uk', found '2B Li 0 3 uk'");
  refuses_change(
      "2B Li Li 0 3 uk", "2B 0 3 uk",
      "T.uf3:2: expected '2B El1 El2 LEAD TRAIL nk|uk', found the line of a one-interaction file '2B 0 3 uk': "
      "convert it with `ufp convert`, which takes the elements");
  refuses_change("1.0 4.0 4.0 4.0 4.0", "4.0 4.0 4.0 4.0", "T.uf3:4: expected 8 knots, found 7");
  refuses_change("1.0 4.0 4.0 4.0 4.0", "1.0 1.0 4.0 4.0 4.0 4.0", "T.uf3:4: expected 8 knots, found 9");
  refuses_change("1.0 1.0 1.0 1.0 4.0", "1.0 1.0 4.0 1.0 4.0",
                 "T.uf3:4: expected knots that do not decrease, found 1.0 after 4.0");
  refuses_change("1.0 1.0 1.0 1.0 4.0", "1.0 1.0 1.0 4.0 4.0",
                 "T.uf3:4: expected a knot at most four times, found 4.0 more often");
  refuses_change("0.27 0.0", "nan 0.0", "T.uf3:6: expected a finite number, found 'nan'");
  refuses_change("0.27 0.0", "1e999 0.0", "T.uf3:6: expected a finite number, found '1e999'");
  refuses_change("0.27 0.0", "0.27x 0.0", "T.uf3:6: expected a finite number, found '0.27x'");
  refuses_change("0.27 0.0 0.0 0.0", "0.27 0.0 0.0", "T.uf3:6: expected 4 coefficients, found 3");
  refuses_change("4\n0.27", "5\n0.27", "T.uf3:5: expected 4 coefficients (knots - 4), found 5");
  refuses_change("4.0 8\n1.0", "4.5 8\n1.0", "T.uf3:3: expected a cutoff up to the last knot 4.0, found 4.5");
  refuses_change("4.0 8\n1.0", "-4.0 8\n1.0", "T.uf3:3: expected a cutoff above the first knot 1.0, found -4.0");
  refuses_change("4.0 8\n1.0", "4.0 7\n1.0", "T.uf3:3: expected at least 8 knots, found 7");
  refuses_change("4.0 8\n1.0", "4.0 8.5\n1.0", "T.uf3:3: expected the number of knots, found 8.5");
  refuses(replaced(replaced(tiny(), "4.0 8\n1.0 1.0 1.0 1.0", "4.0 9\n1.0 1.0 1.0 1.0 1.5"), "4\n0.27", "5\n0.1 0.27"),
          "T.uf3:4: expected equidistant knots (kind uk), found unequal steps (kind nk)");
  refuses(tiny() + tiny_pair(), "T.uf3:33: expected one block 2B Li Li, found a second");
  refuses_change(
      "0.250047 0.0 0.0 0.0\n0.0 0.0 0.0 0.0\n0.0 0.0 0.0 0.0\n0.0 0.0 0.0 0.0\n0.0",
      "0.250047 0.0 0.0 0.0\n0.0 0.0 0.0 0.0\n0.0 0.0 0.0 0.0\n0.0 0.0 0.0 0.0\n0.1",
      "T.uf3:30: expected coefficients symmetric in the two legs to Li, found c[1][0][0] = 0.1 and c[0][1][0] = "
      "0.0");
  refuses(tiny().substr(0, tiny().size() - 20), "T.uf3:29: expected 4 coefficients, found end of file");
  refuses(tiny() + "junk\n", "T.uf3:32: expected a line '#UF3 POT UNITS: metal ...' or a comment, found 'junk'");
  refuses(tiny() + "#UFP ONEBODY Li\n", "T.uf3:32: expected '#UFP ONEBODY El ENERGY', found '#UFP ONEBODY Li'");
  refuses("#UF3 POT\n3B 0 3\n",
          "T.uf3:2: expected '3B Centre J K LEAD TRAIL nk|uk', found the line of a one-interaction file '3B 0 3': "
          "convert it with `ufp convert`, which takes the elements");
  refuses("\n{\"coefficients\": {\"Li\": -1.0},\n \"knots\": {}}\n",
          "T.uf3:2: expected a line '#UF3 POT UNITS: metal ...', found a JSON model: convert it with `ufp convert "
          "MODEL.json -o NAME.uf3`");
  refuses("2B 0 3 nk\n", "T.uf3:1: expected 2 elements for this 2B interaction, found 3 given", {"Li", "P", "S"});
}

// Damaged files end in a message or in a finite energy.
void fuzz()
{
  std::uint64_t state = 7;
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  const std::string pieces[] = {"nan", "-",  "#",      "\n", " ",  "1e308", "9", "-1",
                                "uk",  "nk", "{2: 0}", "3B", "2B", "\t",    "x"};
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = tiny();
    for (std::uint64_t change = 0; change <= random(3); ++change) {
      if (text.empty()) break;
      const std::size_t at = random(text.size());
      switch (random(4)) {
      case 0:
        text.erase(at, 1 + random(40));
        break;
      case 1:
        text.insert(at, pieces[random(15)]);
        break;
      case 2:
        text[at] = static_cast<char>(random(256));
        break;
      default:
        text.resize(at + 1);
      }
    }
    try {
      const ufp::Uf3Potential potential = ufp::parse_uf3(text, "T.uf3");
      const ufp::Uf3Model model(potential, potential.elements());
      ufp::NeighborhoodBuffer buffer;
      for (const double x : {0.5, 2.0, 3.9}) buffer.add(0, x, 0.3, -0.2);
      ufp::Uf3Scratch scratch;
      scratch.reserve(model, buffer.count());
      std::vector<double> force(3 * 4, 0.0);
      ufp::Uf3Sums sums;
      sums.force = force.data();
      ufp::evaluate(model, buffer.view(0, static_cast<int>(model.elements().size())), scratch, sums,
                    ufp::Detail::forces, ufp::Simd::baseline);
      CHECK(std::isfinite(sums.energy));
      ++accepted;
    } catch (const ufp::ParseError &error) {
      CHECK(std::string(error.what()).rfind("T.uf3:", 0) == 0);
      CHECK(std::string(error.what()).find("expected ") != std::string::npos);
      CHECK(std::string(error.what()).find(", found ") != std::string::npos);
    } catch (const ufp::DomainError &error) {
      CHECK(std::string(error.what()).rfind("expected a block", 0) == 0);
    }
  }
  CHECK(accepted > 100 && accepted < 15000);
}

}  // namespace

int main()
{
  accepts();
  rejects();
  fuzz();
  return 0;
}
