#include "evaluation/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::evaluation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TargetFile : public ::testing::Test {
 protected:
  absl::StatusOr<Target> Read(const std::string& text) {
    const std::string path = directory_.path() + "/target.csv";
    FULCRUM_EXPECT_OK(base::WriteFileAtomically(base::PosixFileSystem(), path, text));
    return Target::ReadCsv(base::PosixFileSystem(), path, &actions_);
  }

  testing::TemporaryDirectory directory_;
  ActionTable actions_;
};

TEST_F(TargetFile, ReadsTheWideForm) {
  actions_.Intern("9");
  const auto target = Read("item_id,pos1,pos3\n7,0.25,1\n9,0.75,0\n");
  FULCRUM_ASSERT_OK(target);
  EXPECT_EQ(actions_.Name(1), "7");
  EXPECT_THAT(target->table(),
              ElementsAre(ElementsAre(0.75, 0.25), IsEmpty(), ElementsAre(0.0, 1.0)));
  FULCRUM_EXPECT_OK(Read("action,pos1\nhat,1\n"));
}

TEST_F(TargetFile, ReadsTheLongForm) {
  const auto target = Read("probability,action,position\n0.5,hat,2\n1,none,1\n0.4999995,none,2\n");
  FULCRUM_ASSERT_OK(target);
  EXPECT_THAT(target->table(), ElementsAre(ElementsAre(0.0, 1.0), ElementsAre(0.5, 0.4999995)));
}

TEST_F(TargetFile, ErrorsNameTheLine) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"", "target.csv"},
      {"a,b\n1,2\n", "target.csv:1: a target's columns are item_id (or action), pos1"},
      {"item_id\n1\n", "target.csv:1: a target's columns are"},
      {"item_id,pos1,posx\n1,1,1\n", "target.csv:1: column \"posx\": a target's columns"},
      {"item_id,pos0\n1,1\n", "target.csv:1: column \"pos0\""},
      {"item_id,pos1001\n1,1\n", "target.csv:1: column \"pos1001\""},
      {"item_id,pos1\n", "target.csv:1: there is no probability below the header"},
      {"item_id,pos1\n1,0.5\n2,x\n",
       "target.csv:3: probability \"x\" of action 2 at position 1 is no number from 0 to 1"},
      {"item_id,pos1\n1,-0.5\n", "target.csv:2: probability \"-0.5\""},
      {"item_id,pos1\n1,1.5\n", "target.csv:2: probability \"1.5\""},
      {"item_id,pos1\n1,nan\n", "target.csv:2: probability \"nan\""},
      {"item_id,pos1\n,1\n", "target.csv:2: the action is empty"},
      {"item_id,pos1\n1,0.5\n1,0.5\n",
       "target.csv:3: action 1 at position 1 has a probability already; remove one"},
      {"item_id,pos1,pos2\n1,0.5,1\n2,0.4,0\n",
       "target.csv:3: the probabilities of position 1, of which this line has the last, sum to "
       "0.9;"},
      {"item_id,pos1\n1,0.500002\n2,0.5\n", "target.csv:3: the probabilities of position 1"},
      {"action,position,probability\nhat,1,1\nhat,0,1\n",
       "target.csv:3: position \"0\" is no whole number from 1 to 1000"},
      {"action,position,probability\nhat,1.5,1\n", "target.csv:2: position \"1.5\""},
      {"action,position,probability\nhat,2,0.5\nhat,1,1\n",
       "target.csv:2: the probabilities of position 2, of which this line has the last, sum to "
       "0.5"},
      {"action,position,probability\nhat,1\n", "target.csv:2"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(Read(one.text),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(one.error)))
        << one.text;
  }
}

TEST_F(TargetFile, AMissingFileIsNotFound) {
  EXPECT_THAT(Target::ReadCsv(base::PosixFileSystem(), directory_.path() + "/gone.csv", &actions_),
              testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("gone.csv")));
}

// Row 0 knows its distribution, row 1 its candidates only, rows 2 and 3 nothing.
class TargetOnRowsTest : public ::testing::Test {
 protected:
  TargetOnRowsTest() {
    for (const char* name : {"a", "b", "c", "never"}) rows_.actions.Intern(name);
    Add(0, 0.25, 1, rows_.distributions.Add({0, 2}, {0.25, 0.75}), 2);
    Add(1, 0.5, 1, rows_.distributions.Add({0, 1}, {}), 1);
    Add(2, 0.5, 1, kNoDistribution, 2);
    Add(0, 0.5, 2, kNoDistribution, 1);
  }

  void Add(uint32_t action, double propensity, uint32_t position, uint32_t logged,
           uint32_t greedy) {
    Row row;
    row.action = action;
    row.propensity = propensity;
    row.position = position;
    row.logged = logged;
    row.greedy = greedy;
    rows_.rows.push_back(row);
  }

  struct Figures {
    std::vector<double> weights, means, unsupported, unseen;
  };

  // The mean is of action number + 1.
  Figures Apply(const Target& target) const {
    const auto on_rows = TargetOnRows::Make(rows_, target);
    EXPECT_THAT(on_rows, testing::IsOk());
    Figures figures;
    if (!on_rows.ok()) return figures;
    for (const Row& row : rows_.rows) {
      figures.weights.push_back(on_rows->Weight(row));
      figures.means.push_back(on_rows->Mean(row, [](uint32_t action) { return action + 1.0; }));
      figures.unsupported.push_back(on_rows->Unsupported(row));
      figures.unseen.push_back(on_rows->UnseenHere(row));
    }
    return figures;
  }

  RowSet rows_;
};

TEST_F(TargetOnRowsTest, Logged) {
  const Figures figures = Apply(Target::Logged());
  EXPECT_THAT(figures.weights, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(figures.means, ElementsAre(2.5, 2, 3, 1));  // where nothing is known: the action's
  EXPECT_THAT(figures.unsupported, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(figures.unseen, ElementsAre(0, 0, 0, 0));
}

TEST_F(TargetOnRowsTest, Uniform) {
  const Figures figures = Apply(Target::Uniform());
  EXPECT_THAT(figures.weights, ElementsAre(2, 1, 1 / 1.5, 1 / 1.5));
  EXPECT_THAT(figures.means, ElementsAre(2, 1.5, 2, 2));
  EXPECT_THAT(figures.unsupported, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(figures.unseen, ElementsAre(0, 0, 0, 2 / 3.0));
}

TEST_F(TargetOnRowsTest, Greedy) {
  const Figures figures = Apply(Target::Greedy());
  EXPECT_THAT(figures.weights, ElementsAre(0, 2, 2, 0));
  EXPECT_THAT(figures.means, ElementsAre(3, 2, 3, 2));
  EXPECT_THAT(figures.unsupported, ElementsAre(0, 0, 0, 0));
}

TEST_F(TargetOnRowsTest, Table) {
  const Figures figures = Apply(Target::Table({{0.25, 0.5, 0.125, 0.125}, {0.5, 0.5}}));
  EXPECT_THAT(figures.weights, ElementsAre(1, 1, 0.25, 1));
  EXPECT_THAT(figures.means, ElementsAre(2.125, 2.125, 2.125, 1.5));
  EXPECT_THAT(figures.unsupported, ElementsAre(0.625, 0.25, 0.125, 0));
  EXPECT_THAT(figures.unseen, ElementsAre(0, 0, 0, 0.5));
}

TEST_F(TargetOnRowsTest, PerRow) {
  const uint32_t first = rows_.distributions.Add({0, 1}, {0.5, 0.5});
  const uint32_t second = rows_.distributions.Add({1, 3}, {0.75, 0.25});
  rows_.rows[0].target = first;
  rows_.rows[1].target = second;
  rows_.rows[2].target = second;
  rows_.rows[3].target = first;
  const Figures figures = Apply(Target::PerRow());
  EXPECT_THAT(figures.weights, ElementsAre(2, 1.5, 0, 1));
  EXPECT_THAT(figures.means, ElementsAre(1.5, 2.5, 2.5, 1.5));
  EXPECT_THAT(figures.unsupported, ElementsAre(0.5, 0.25, 0.25, 0));
}

TEST_F(TargetOnRowsTest, RefusesRowsThatDoNotHoldWhatItNeeds) {
  EXPECT_THAT(
      TargetOnRows::Make(rows_, Target::Table({{1}})),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 4 is of position 2")));
  EXPECT_THAT(TargetOnRows::Make(rows_, Target::PerRow()),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1")));
  rows_.rows[2].greedy = kNoAction;
  EXPECT_THAT(TargetOnRows::Make(rows_, Target::Greedy()),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("row 3: the target greedy needs the posterior means")));
}

}  // namespace
}  // namespace fulcrum::evaluation
