DELETE FROM [stg].[order list]]] WITH (TABLOCKX);
