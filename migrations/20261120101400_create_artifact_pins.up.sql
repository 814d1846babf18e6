-- Objects that are kept however old they are, and by whom: models and reports that name them.
-- A pin is written while a row of `artifacts` or another pin still names the object; so there is no moment without.
CREATE TABLE artifact_pins (
    -- As in `artifacts`.
    location  text        NOT NULL,
    -- Such as `model_…`: what goes when that goes.
    pinned_by text        NOT NULL,
    reason    text        NOT NULL,
    pinned_at timestamptz NOT NULL,

    PRIMARY KEY (location, pinned_by),
    CONSTRAINT artifact_pins_name_who CHECK (pinned_by <> ''),
    CONSTRAINT artifact_pins_name_something CHECK (location <> '')
);

CREATE INDEX artifact_pins_of_somebody ON artifact_pins (pinned_by);
